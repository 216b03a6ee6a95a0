"""The whole ledger as lines, and back."""

import orjson
import pytest
import sqlalchemy as sa

from miner.errors import LedgerError
from miner.ledger import archive, roll_up
from miner.names import read_names
from tests.miner.fake_names import FakeNames
from tests.miner.fakes import FakeTables
from tests.miner.world import World, day
from tests.rows import METASTORE, WORKSPACE, columns, lineage, run


def estate():
    rows = []
    for offset in (-20, -19, 0):
        rows += [
            lineage("c.s.a", "c.s.b", job="901", notebook="n", day=day(offset), created_by="größe\t\\N\n@x.org"),
            lineage("c.s.a", "c.s.d", query="q", day=day(offset), direct_access=False),
            lineage("c.s.a", None, day=day(offset)) | {"source_path": "s3://bucket/a"},
        ]
    pairs = [columns("c.s.a", "c.s.b", "id", 'a"b,\\', job="901", notebook="n", day=day(0))]
    return FakeTables(*rows, column_lineage=pairs, job_run_timeline=[run("901", run_name="load")])


NAMES = {
    "jobs": [{"kind": "job", "workspace_id": WORKSPACE, "item_id": "901", "name": "load", "changed_at": None}],
    "job_tasks": [{"workspace_id": WORKSPACE, "job_id": "901", "task_key": "one"}],
    "workspaces": [{"workspace_id": WORKSPACE, "name": "größe", "url": None}],
    "tables": [
        {
            "metastore_id": METASTORE, "catalog": "c", "schema": "s", "name": "a", "type": "VIEW", "table_type": "VIEW",
            "view_definition": "SELECT 1",
        }
    ],
    "catalogs": [
        {
            "metastore_id": METASTORE, "catalog": "c", "type": "SHARED", "connection": "", "address": "",
            "provider": "acme", "share": "orders",
        }
    ],
}  # fmt: skip

TOLD = """
{"what": "label", "source": "prod", "kind": "job", "workspace": "1001", "id": "901", "part": "jobs", "name": "load", "changed": null}
{"what": "task", "source": "prod", "workspace": "1001", "job": "901", "task": "one"}
{"what": "workspace", "source": "prod", "workspace": "1001", "name": "größe", "url": null}
{"what": "table", "source": "prod", "dataset": ["11111111-2222-3333-4444-555555555555", "c", "s", "a"], "type": "VIEW", "table_type": "VIEW", "definition": "SELECT 1"}
{"what": "catalog", "source": "prod", "catalog": ["11111111-2222-3333-4444-555555555555", "c"], "type": "SHARED", "connection": "", "address": "", "provider": "acme", "share": "orders"}
"""


def lines_of(world):
    with world.ledger.reading() as connection:
        return list(archive.archive(connection))


@pytest.fixture
def full(world):
    """A ledger that was mined, named, emitted and rolled up."""
    world.mine(estate())
    read_names("prod", FakeNames(**NAMES), world.ledger, mined=(day(0),), run_id=1, now=lambda: world.now)
    world.emit()
    roll_up.roll_up(world.ledger, day(-10))
    return world


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty").mkdir()
    made = World(tmp_path / "empty")
    yield made
    made.throw_away()


def test_names_are_dumped(full):
    """The dump ends with what processes, tasks, workspaces, tables and catalogs are called, by natural key."""
    assert full.dump()[-5:] == TOLD.split("\n")[1:-1]


def test_there_and_back(full, empty):
    """A ledger restored from an archive is the same: same archive, same dump; it sends nothing, and mines on."""
    lines = lines_of(full)
    assert archive.restore(empty.ledger, iter(lines)) == sum(line.startswith(b"[") for line in lines) > 50
    assert lines_of(empty) == lines
    assert empty.dump() == full.dump()
    assert empty.emit().sent == 0
    assert empty.mine(estate()) == []
    empty.mine(estate(), name="another")
    assert {line for line in empty.dump() if '"source": "prod"' in line} == {
        line for line in full.dump() if '"source": "prod"' in line
    }


def test_every_table_is_in_it(full):
    """An archive holds every table that the ledger has."""
    named = {orjson.loads(line)["table"] for line in lines_of(full) if line.startswith(b'{"table"')}
    with full.ledger.reading() as connection:
        assert named == set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def test_only_into_an_empty_ledger(full):
    """A ledger that holds anything is not written over."""
    before = full.content()
    with pytest.raises(LedgerError, match="is not empty") as raised:
        archive.restore(full.ledger, iter(lines_of(full)))
    assert raised.value.mend
    assert full.content() == before


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda lines: [], "damaged"),
        (lambda lines: lines[1:], "no archive"),
        (lambda lines: [b'{"what": "day"}'], "no archive"),
        (lambda lines: [lines[0].replace(b'"00', b'"99'), *lines[1:]], "of version 99"),
        (lambda lines: [*lines[:-1], lines[-1][:-3]], "damaged"),
        (lambda lines: [*lines, b"[1]"], "damaged"),
        (lambda lines: [*lines, b'{"table": "nowhere", "columns": []}'], "damaged"),
        (lambda lines: lines[:-1], "damaged"),
        (lambda lines: lines[: len(lines) // 2], "damaged"),
    ],
    ids=["empty", "headless", "a dump", "other version", "cut", "short row", "unknown table", "endless", "half"],
)
def test_a_broken_archive(full, empty, broken, message):
    """An archive that is cut, damaged, or none, is refused, and nothing of it stays."""
    before = empty.content()
    with pytest.raises(LedgerError, match=message) as raised:
        archive.restore(empty.ledger, iter(broken(lines_of(full))))
    assert raised.value.mend
    assert empty.content() == before
