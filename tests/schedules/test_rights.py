import tomllib

import pytest

from schedules import settings

PRINCIPAL = 'principal = "0a1b2c3d-1111-2222-3333-444455556666"\n'
DATABRICKS = """
[sources.west]
kind = "databricks"
host = "adb-1.2.azuredatabricks.net"
warehouse_id = "abc123"
auth = "oauth-m2m"
client_id = "99999999-1111-2222-3333-444455556666"
client_secret = "s3cret"
"""


def test_grants(home):
    """`grants` prints SQL for the configured principal and tables, and nothing else; the same each time."""
    home.set(f'{PRINCIPAL}[sources.prod.tables]\ntable_lineage = "ops.l.t"\nquery_history = "none"\n')
    answer = home("grants")
    assert (answer.code, answer.err) == (0, "")
    assert "GRANT SELECT ON TABLE `ops`.`l`.`t` TO `0a1b2c3d-1111-2222-3333-444455556666`;\n" in answer.out
    assert "history" not in answer.out
    assert answer.out == home("grants").out


def test_grants_of_what_is_mined(home):
    """Where column lineage is not mined, its table is not granted."""
    home.settings.write_text(
        home.settings.read_text().replace("[sources.prod]", f"column_lineage = false\n[sources.prod]\n{PRINCIPAL}")
    )
    assert "column_lineage" not in home("grants").out


def test_who_may_read_texts(home):
    """That no text is read is said only where it is so: statements that are mined are told apart by their texts."""
    home.set(PRINCIPAL)
    assert "-- The miner reads no SQL text" in home("grants").out
    home.set(f"{PRINCIPAL}[queries]\nmine = true\n")
    text = home("grants").out
    assert "reads no SQL text" not in text
    assert "are told apart by their type alone" in text


def test_grants_of_a_warehouse(home):
    """A service principal that signs in by itself is granted to under its application id, with its warehouse."""
    home.set(f"{PRINCIPAL}{DATABRICKS}")
    text = home("grants", "--source", "west").out
    assert "[sources.west]" in text
    assert "[sources.prod]" not in text
    assert "TO `99999999-1111-2222-3333-444455556666`;" in text
    assert "update-permissions abc123" in text
    assert "s3cret" not in text
    assert "[sources.prod]" in home("grants").out


def test_nobody_to_grant_to(home):
    """Without a principal there is nothing to print: code 2, with the key to set."""
    answer = home("grants")
    assert (answer.code, answer.out) == (2, "")
    assert "mend:  set [sources.prod] principal" in answer.told


def test_views_where_the_settings_name_them(home):
    """`views` prints a view for each table that the settings name otherwise than Databricks does."""
    home.set('[sources.prod.tables]\ntable_lineage = "ops.l.t"\n')
    answer = home("views")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("CREATE OR REPLACE VIEW") == 1
    assert "CREATE OR REPLACE VIEW `ops`.`l`.`t`" in answer.out
    assert answer.out == home("views").out


def test_views_in_a_schema(home):
    """With `--in` there is a view for every table that is read, and the lines of settings that name them."""
    home.set('[sources.prod.tables]\nquery_history = "none"\ntable_lineage = "ops.l.t"\n')
    text = home("views", "--in", "ops.lineage", "--workspace", "1", "--workspace", "2").out
    assert text.count("CREATE OR REPLACE VIEW") == 11
    # Prices are the same for every workspace, and recipients of shares are in none.
    assert text.count("WHERE workspace_id IN ('1', '2');") == 9
    assert "FROM system.billing.list_prices;" in text
    assert "FROM system.access.audit;" in text
    lines = [line[5:] for line in text.splitlines() if line.startswith("--   ")]
    named = tomllib.loads("\n".join(lines))["sources"]["prod"]["tables"]
    roles = ("column_lineage", "job_run_timeline", "audit", "jobs", "job_tasks", "pipelines", "workspaces")
    roles += ("billing_usage", "list_prices", "warehouse_events")
    assert named == {role: f"ops.lineage.{role}" for role in roles}
    home.set('[sources.prod.tables]\nquery_history = "none"\ntable_lineage = "ops.l.t"\n' + "\n".join(lines[1:]))
    assert settings.load(home.settings, {}).sources["prod"].tables.column_lineage == named["column_lineage"]


@pytest.mark.parametrize(
    "arguments", [("views",), ("views", "--in", "ops"), ("views", "--in", "a.b.c"), ("views", "--in", "a.b; DROP")]
)
def test_no_place_for_views(home, arguments):
    """Without a place for the views, or with one that is no schema, nothing is printed: code 2."""
    answer = home(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.told.splitlines()[1].startswith("mend:  ")
