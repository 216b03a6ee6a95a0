"""Exports on disk: any format gives the same rows, and what cannot be read is an error that says where."""

import gzip
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from miner.errors import MissingTableError, SchemaDriftError, SourceError, UnreadableValueError
from tests import oracle
from tests.queries import given
from tests.rows import DAY, at, columns, hit, lineage, run, statement, write_estate, write_table

ROWS = [
    lineage("c.s.a", "c.s.b", job="1", job_run="11", direct_access=True, statement_id="s1"),
    lineage("c.s.a", None, notebook="7", direct_access=False, created_by='Ann "A", O\'Brien\n<ann@x.org>'),
    lineage("s3://bucket/a b,c/", "c.s.größe", pipeline="p", event_time=at(hour=23, minute=59)),
    lineage("c.s.old", "c.s.b", day=DAY - timedelta(days=1)),
]
COLUMNS = [columns("c.s.a", "c.s.b", 'Net "amount", €', "a.b\nc", job="1")]
HISTORY = [statement("s1", execution_status="FAILED", executed_by="bob@x.org", query_tags=None), hit("s2", "s1")]
RUNS = [run("9", "SUBMIT_RUN", "load_1")]
FORMS = ["parquet", "csv", "jsonl", "csv.gz", "jsonl.gz", "ndjson"]


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same(tmp_path, form):
    """Parquet, CSV and JSON lines, compressed or not: structs as JSON text, quotes, commas and line ends survive."""
    tables = {"table_lineage": ROWS, "column_lineage": COLUMNS, "query_history": HISTORY, "job_run_timeline": RUNS}
    source = given.reader(write_estate(tmp_path, form=form, **tables))
    assert given.edges(source).kept == oracle.edges(DAY, ROWS)
    assert given.edges(source).fates == oracle.lineage_fates(DAY, ROWS)
    assert given.columns(source).pairs == given.keyed(oracle.column_pairs(DAY, COLUMNS))
    assert given.usage(source).figures == given.expected_usage(DAY, ROWS, HISTORY)
    assert given.told(source.one_time_runs(DAY, DAY)) == [{"workspace_id": "1001", "job_id": "9", "run_name": "load_1"}]


def test_files_of_several_formats(tmp_path):
    """The files of one table may be of any mixture of formats; what else lies in the folder is left alone."""
    for number, form in enumerate(FORMS):
        write_table(tmp_path, "table_lineage", [lineage(f"c.s.t{number}", "c.s.b")], form=form, name=f"part-{number}")
    folder = tmp_path / "system/access/table_lineage"
    for name in ("_SUCCESS", ".part-0.parquet.crc", "notes.txt", "_delta_log"):
        (folder / name).write_text("no rows")
    (folder / "old.parquet").mkdir()
    assert {edge.source.name for edge in given.edges(given.reader(tmp_path)).kept} == {
        f"t{n}" for n in range(len(FORMS))
    }


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_times(tmp_path, form):
    """A time without a zone is UTC; one with a zone is that instant."""
    half_past = at(hour=12, minute=30)
    instants = {
        "2026-11-10 12:30:00": half_past,
        "2026-11-10T12:30:00": half_past,
        "2026-11-10T12:30:00Z": half_past,
        "2026-11-10 12:30:00+00:00": half_past,
        "2026-11-10T14:30:00+02:00": half_past,
        "2026-11-10 12:30:00.250001": half_past + timedelta(microseconds=250_001),
    }
    rows = [lineage("c.s.a", None, metastore_id=written, event_time=written) for written in instants]
    write_table(tmp_path, "table_lineage", rows, form=form)
    found = given.usage(given.reader(tmp_path)).figures
    assert {use.metastore: figures.last_read_at for use, figures in found.items()} == instants


_IN_NEW_YORK = """
import sys
from pathlib import Path
from tests.queries import given
for folder in sys.argv[1:]:
    (figures,) = given.usage(given.reader(Path(folder))).figures.values()
    print(figures.last_read_at, figures.failed_reads)
"""


def test_the_zone_of_the_machine_does_not_matter(tmp_path):
    """Times without a zone are UTC on a machine that is not: a day is a UTC day everywhere."""
    zoneless = {"types": dict.fromkeys(("event_time", "start_time", "end_time"), pa.timestamp("us"))}
    read = lineage("c.s.a", None, event_time=at(hour=1, minute=30).replace(tzinfo=None))
    midnight = at(DAY - timedelta(days=1), 0).replace(tzinfo=None)
    failed = statement("s1", execution_status="FAILED", start_time=midnight) | {"end_time": None}
    folders = [tmp_path / form for form in ("csv", "parquet")]
    for folder in folders:
        write_table(folder, "table_lineage", [read, read | {"statement_id": "s1"}], form=folder.name, **zoneless)
        write_table(folder, "query_history", [failed], form=folder.name, **zoneless)
    environment = os.environ | {"TZ": "America/New_York", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", _IN_NEW_YORK, *map(str, folders)]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert shown == "2026-11-10 01:30:00+00:00 1\n" * 2


@pytest.mark.parametrize(
    ("types", "change"),
    [
        ({"event_date": pa.string()}, {"event_date": str(DAY)}),
        ({"event_date": pa.timestamp("us")}, {"event_date": datetime(2026, 11, 10)}),  # noqa: DTZ001 -- as it is stored
        ({"event_time": pa.timestamp("ns", "UTC")}, {}),
        ({"event_time": pa.string()}, {"event_time": "2026-11-10T12:00:00Z"}),
        ({"workspace_id": pa.int64()}, {"workspace_id": 1001}),
        ({"direct_access": pa.string()}, {"direct_access": "true"}),
        ({"entity_metadata": pa.string()}, {"entity_metadata": '{"job_info": {"job_id": 1}}'}),
        ({"source_table_name": pa.dictionary(pa.int32(), pa.string())}, {}),
    ],
)
def test_parquet_of_other_types(tmp_path, types, change):
    """A column written as another type is read as the documented one."""
    row = lineage("c.s.a", "c.s.b", job="1", direct_access=True)
    write_table(tmp_path, "table_lineage", [row | change], types=types)
    source = given.reader(tmp_path)
    assert given.edges(source).kept == oracle.edges(DAY, [row])
    assert given.usage(source).figures == oracle.usage(DAY, [row])


def test_a_column_that_begins_late(tmp_path):
    """JSON lines leave out what is NULL: a key first met after thousands of lines is a column all the same."""
    plain = {name: value for name, value in lineage("c.s.a", "c.s.b").items() if value is not None}
    late = plain | {"event_date": str(DAY), "entity_type": "JOB", "entity_id": "7", "direct_access": True}
    folder = tmp_path / "system/access/table_lineage"
    folder.mkdir(parents=True)
    lines = [json.dumps(row, default=str) for row in [*[plain] * 3000, late]]
    (folder / "a.jsonl").write_text("\n".join(lines))
    assert {edge.kind for edge in given.edges(given.reader(tmp_path)).kept} == {"ad_hoc", "job"}


def test_a_part_without_a_column(tmp_path):
    """A part of JSON lines may hold rows alone that leave a column out; without any part that has it, it is missing."""
    only_read, edge = lineage("c.s.a", created_by="ann@x.org"), lineage("c.s.a", "c.s.b")
    folder = tmp_path / "system/access/table_lineage"
    folder.mkdir(parents=True)
    for name, row in (("a", only_read), ("b", edge)):
        told = {key: value for key, value in row.items() if value is not None}
        (folder / f"{name}.jsonl").write_text(json.dumps(told, default=str))
    assert given.edges(given.reader(tmp_path)).kept == oracle.edges(DAY, [only_read, edge])
    (folder / "b.jsonl").unlink()
    with pytest.raises(SchemaDriftError, match="lacks the columns target_table_catalog"):
        given.edges(given.reader(tmp_path))


def test_byte_order_mark(tmp_path):
    """A CSV file saved by Excel or PowerShell begins with a mark that is no part of its first column's name."""
    file = write_table(tmp_path, "table_lineage", ROWS, form="csv", without=["account_id"])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert given.edges(given.reader(tmp_path)).kept == oracle.edges(DAY, ROWS)


@pytest.mark.parametrize("form", ["csv", "jsonl", "csv.gz"])
@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("event_time", "yesterday", "time"),
        ("event_date", "2026-13-01", "date"),
        ("direct_access", "perhaps", "truth value"),
        ("entity_metadata", "not json", "JSON object"),
        ("entity_metadata", "[1]", "JSON object"),
    ],
)
def test_an_unreadable_value_is_named(tmp_path, form, column, value, kind):
    """A value that cannot be read stops the day and is named with its file, row, column and what was wanted."""
    rows = [lineage("c.s.a", "c.s.b") for _ in range(5)]
    write_table(tmp_path, "table_lineage", rows, form=form, name="good")
    rows[3] = rows[3] | {column: value}
    if form == "jsonl" and value == "[1]":
        rows[3][column] = [1]
    bad = write_table(tmp_path, "table_lineage", rows, form=form, name="bad")
    with pytest.raises(UnreadableValueError) as caught:
        given.usage(given.reader(tmp_path))
    assert f"{bad}, row 4, column {column}: '" in caught.value.message
    assert caught.value.message.endswith(f"is no {kind}")


@pytest.mark.parametrize(
    ("form", "spoil"),
    [
        ("parquet", lambda content: content[:-20]),
        ("parquet", lambda content: content[:4]),
        ("parquet", lambda _: b""),
        ("csv", lambda _: b""),
        ("csv", lambda content: content[: content.rindex(b",") - 200]),
        ("csv", lambda content: b"\xff\xfe" + content),
        ("csv.gz", lambda content: content[:60]),
        ("csv.gz", lambda _: b"no gzip"),
        ("jsonl", lambda content: content[:-30]),
        ("jsonl", lambda content: content + b"[1]\n"),
        ("jsonl", lambda content: content + b"no json\n"),
        ("jsonl.gz", lambda content: content[:-10]),
    ],
)
def test_a_spoilt_file(tmp_path, form, spoil):
    """A file cut off, empty or of something else is an error that names it, and never a day with fewer rows."""
    write_table(tmp_path, "table_lineage", ROWS, form=form, name="good")
    file = write_table(tmp_path, "table_lineage", ROWS, form=form, name="spoilt")
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(UnreadableValueError, match="spoilt") as caught:
        given.edges(given.reader(tmp_path))
    assert caught.value.mend


def test_parquet_spoilt_inside(tmp_path):
    """Damage that only shows while rows are read is an error as well."""
    file = write_table(tmp_path, "table_lineage", ROWS * 500)
    content = bytearray(file.read_bytes())
    content[200 : len(content) // 2] = b"\x00" * (len(content) // 2 - 200)
    file.write_bytes(content)
    with pytest.raises(UnreadableValueError, match="table_lineage"):
        given.edges(given.reader(tmp_path))


def test_no_such_table(tmp_path):
    """A lineage table without a folder is named, with the setting that says where it is; history may be absent."""
    with pytest.raises(MissingTableError, match=r"system\.access\.table_lineage is not there") as caught:
        given.edges(given.reader(tmp_path))
    assert "table_lineage" in caught.value.mend
    write_table(tmp_path, "table_lineage", ROWS)
    assert given.usage(given.reader(tmp_path)).figures
    assert given.told(given.reader(tmp_path).one_time_runs(DAY, DAY)) == []


@pytest.mark.parametrize("role", ["table_lineage", "query_history"])
def test_an_empty_folder(tmp_path, role):
    """A folder without a file is a failed export and not a table without rows, of an optional table as well."""
    write_table(tmp_path, "table_lineage", ROWS)
    folder = write_table(tmp_path, role, []).parent
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(MissingTableError, match=f"{folder} holds no"):
        given.usage(given.reader(tmp_path))


def test_a_table_without_rows(tmp_path):
    """A file without rows is a table without rows."""
    for form in ("parquet", "csv"):
        source = given.reader(write_estate(tmp_path / form, form=form, query_history=[]))
        assert given.usage(source).figures == {}
        assert given.totals(source, "table_lineage") == 0
        assert (source.span("table_lineage").first, source.span("table_lineage").last) == (None, None)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("role", ["table_lineage", "query_history"])
def test_a_folder_without_rights(tmp_path, role, depth):
    """A folder that may not be read is an error, and not an absent table; so is one beneath such a folder."""
    write_table(tmp_path, "table_lineage", ROWS)
    folder = write_table(tmp_path, role, []).parents[depth]
    folder.chmod(0)
    try:
        with pytest.raises(SourceError, match="may not be read"):
            given.usage(given.reader(tmp_path))
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("method", ["stat", "iterdir"])
def test_rights_are_no_absence(tmp_path, monkeypatch, method):
    """The same, where the file system says so to anybody (a test run by root, too)."""
    source = given.unopened(write_estate(tmp_path, table_lineage=ROWS, query_history=HISTORY))
    real = getattr(Path, method)

    def refused(path, *arguments, **more):
        if path.name == "history":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **more)

    monkeypatch.setattr(Path, method, refused)
    with pytest.raises(SourceError, match="may not be read") as caught:
        given.usage(source)
    assert not isinstance(caught.value, MissingTableError)


def test_a_large_file_keeps_its_row_numbers(tmp_path):
    """The row that is named is the row in the file, however the engine shares out the work."""
    rows = [lineage("c.s.a", "c.s.b")] * 30_000
    file = write_table(tmp_path, "table_lineage", rows, form="csv", without=["entity_metadata"])
    lines = file.read_text().splitlines(keepends=True)
    lines[25_001] = lines[25_001].replace("2026-11-10 12:00:00", "2026-11-10 noonish!")
    file.write_text("".join(lines))
    with pytest.raises(UnreadableValueError, match=r"row 25001, column event_time: '2026-11-10 noonish!"):
        given.usage(given.reader(tmp_path))


def test_compressed_json_is_read_whole(tmp_path):
    """A gzip file of several members, as appending writers make it, is read to its end."""
    folder = tmp_path / "system/access/table_lineage"
    folder.mkdir(parents=True)
    texts = [json.dumps(lineage(f"c.s.t{number}", "c.s.b"), default=str) + "\n" for number in range(2)]
    (folder / "a.jsonl.gz").write_bytes(b"".join(gzip.compress(text.encode()) for text in texts))
    assert len(given.edges(given.reader(tmp_path)).kept) == 2


def test_required_columns_of_each_file(tmp_path):
    """One file without a required column is refused by name, though the others have it."""
    write_table(tmp_path, "table_lineage", ROWS, name="good")
    bad = write_table(tmp_path, "table_lineage", ROWS, name="bad", without=["event_time", "target_table_name"])
    with pytest.raises(SchemaDriftError) as caught:
        given.edges(given.reader(tmp_path))
    assert caught.value.message == f"{bad} lacks the columns event_time, target_table_name"
