"""What processes, workspaces, tables and catalogs are called."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the stream `names`."""
    op.create_table(
        "names_read",
        sa.Column("source_id", sa.Integer(), sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("part", sa.String(), primary_key=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
    )
    op.create_table(
        "label",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("workspace_id", sa.String(), primary_key=True),
        sa.Column("item_id", sa.String(), primary_key=True),
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("part", sa.String(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job_task",
        sa.Column("workspace_id", sa.String(), primary_key=True),
        sa.Column("job_id", sa.String(), primary_key=True),
        sa.Column("task_key", sa.String(), primary_key=True),
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workspace",
        sa.Column("workspace_id", sa.String(), primary_key=True),
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String()),
        sa.Column("url", sa.String()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "table_form",
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True),
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("table_type", sa.String()),
        sa.Column("view_definition", sa.Text()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "catalog",
        sa.Column("metastore_id", sa.String(), primary_key=True),
        sa.Column("catalog", sa.String(), primary_key=True),
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("share", sa.String(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("catalog", "table_form", "workspace", "job_task", "label", "names_read"):
        op.drop_table(name)
