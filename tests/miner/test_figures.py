"""Every figure, from rows of the system tables through the SQL, the ledger and the windows, against the slow oracle."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner import days, mining, schemas
from miner.column_popularity import NAMES, column_popularity
from miner.ledger import COLUMNS, USAGE, roll_up
from miner.popularity import COLUMNS as FIGURES
from miner.popularity import PopularityOptions, popularity
from tests import oracle
from tests.miner.estates import NO_SHRINK
from tests.miner.world import day, worlds
from tests.oracle.scope import Lists, Scope, matching
from tests.queries.given import expected_usage, reader
from tests.rows import METASTORE, at, columns, lineage, statement

DAYS = [day(offset) for offset in range(-13, -6)]
"""A week over a month's end."""

WINDOWS = (1, 2, 3)
PERSON, PRINCIPAL = "ann@x.org", "0a1b2c3d-0000-4444-8888-0123456789ab"
WHO = st.sampled_from(
    (None, "", PERSON, " Ann@X.org", "bob@x.org", "svc-etl@x.org", PRINCIPAL, "System-User", "analysts")
)
STATEMENTS = ("st1", "st2", "st3")
PROCESSES = st.sampled_from(
    (
        {},
        {"job": "1"},
        {"query": "q"},
        {"dashboard": "d"},
        {"pipeline": "p"},
        {"alert": "a"},
        {"notebook": "n", "job": "1"},
    )
)
SCOPES = st.sampled_from(
    (
        Scope(),
        Scope(),
        Scope(tables=("b",), process_kinds=("pipeline",)),
        Scope(include=Lists(tables=("a", "d", "f"), workspaces=("1*",))),
    )
)
USERS = st.sampled_from(
    (((), ()), ((), ()), ((), ("svc-*",)), ((), ("ANN@X.ORG", "0a1b*")), (("*@X.org", "system-*"), ("svc-*",)))
)
KINDS = st.sampled_from((((), ()), ((), ()), ((), ("job",)), ((), ("pipeline", "dashboard")), (("job", "ad_*"), ())))


@st.composite
def _shared(draw):
    one = draw(st.sampled_from(DAYS))
    return {
        **draw(PROCESSES),
        "day": one,
        # One event an instant: where two spell a column otherwise at the same time, either may be the latest.
        "event_time": at(one, draw(st.integers(0, 23))) + timedelta(microseconds=draw(st.integers(0, 10**9))),
        "created_by": draw(WHO),
        "direct_access": draw(st.sampled_from((True, True, None, False))),
        "statement_id": draw(st.sampled_from((None, *STATEMENTS))),
        "entity_run_id": draw(st.sampled_from((None, "run", "run2"))),
        "workspace_id": draw(st.sampled_from(("1001", "1001", "2"))),
    }


@st.composite
def reads(draw):
    """A row of table_lineage: a read, a write or both, by somebody, in some way."""
    source = draw(st.sampled_from(("c.s.a", "C.S.a", "c.s.b", "c.s.d", "s3://bucket/e", None)))
    return lineage(source, draw(st.sampled_from(("c.s.a", "c.s.f", None, None, None))), **draw(_shared()))


@st.composite
def column_reads(draw):
    """A row of column_lineage."""
    source = draw(st.sampled_from(("c.s.a", "C.S.a", "c.s.b", "s3://bucket/e", None)))
    names = draw(st.sampled_from(("id", "ID", "Order Id", "a.b", "größe", None))), draw(st.sampled_from(("x", None)))
    return columns(source, draw(st.sampled_from(("c.s.a", "c.s.f", "c.s.f", None))), *names, **draw(_shared()))


@st.composite
def histories(draw):
    """Rows of query.history, one a statement; the last ones are answered from the cache, some of them over midnight."""
    told = []
    for name in (*STATEMENTS, "hit1", "hit2", "hit3"):
        given = {
            "executed_by": draw(WHO),
            "execution_status": draw(st.sampled_from(("FINISHED", "FINISHED", "FAILED", "CANCELED"))),
            "start_time": at(draw(st.sampled_from(DAYS)), draw(st.sampled_from((0, 12, 23)))),
            "workspace_id": draw(st.sampled_from(("1001", "1001", "2"))),
        }
        if name.startswith("hit"):
            given |= {"from_result_cache": True, "cache_origin_statement_id": draw(st.sampled_from(STATEMENTS))}
        if draw(st.booleans()):
            told.append(statement(name, **given))
    return told


@dataclass
class Events:
    """Rows of a week, those that come late, and what is done with them."""

    rows: list[dict]
    late: list[dict]
    history: list[dict]
    scope: Scope
    mined: list[date]
    again: list[date]
    """Days that are mined once more when the late rows have come."""
    closed_before: date
    users: tuple[tuple[str, ...], tuple[str, ...]]
    kinds: tuple[tuple[str, ...], tuple[str, ...]]
    score: str
    seen: dict[date, list[dict]] = field(default_factory=dict)

    def __repr__(self):
        return f"Events({len(self.rows)} rows, {len(self.late)} late, mined {self.mined}, again {self.again})"

    def counts(self, use: oracle.Use) -> bool:
        """Whether a reader and a kind of process count in the figures."""
        return _chosen(use.reader, *self.users) and _chosen(use.kind, *self.kinds)

    @property
    def options(self) -> PopularityOptions:
        return PopularityOptions(
            WINDOWS, *(self.users[0], self.kinds[0], self.users[1], self.kinds[1]), as_of=DAYS[-1], score=self.score
        )

    def mine(self, world, stream: str, table: str) -> None:
        """Mine, once more with the late rows, and roll the oldest days up; `seen` are then the rows behind each day."""
        for rows, chosen in ((self.rows, self.mined), (self.rows + self.late, self.again)):
            with TemporaryDirectory() as folder:
                tables = reader(Path(folder), self.scope, **{table: rows, "query_history": self.history})
                source = world.source(tables)
                for run in mining.runs_of(sorted(chosen), 3):
                    list(mining.mine_days(source, stream, run, world.ledger, run_id=1, now=lambda: world.now))
                tables.warehouse.close()
            self.seen |= dict.fromkeys(chosen, rows)
        roll_up.roll_up(world.ledger, self.closed_before)
        self.seen = {one: rows for one, rows in self.seen.items() if one >= self.closed_before}


def _chosen(name, include, exclude):
    """Whether a folded name counts: included, where anything is told to be, and not left out."""
    lists = ([glob.lower() for glob in globs] for globs in (include, exclude))
    included, left_out = (matching(name, globs) is not None for globs in lists)
    return (included or not include) and not left_out


@st.composite
def events(draw, rows):
    """A week of rows: most days mined, some mined again with rows that came late, perhaps the oldest rolled up."""
    mined = sorted({*draw(st.lists(st.sampled_from(DAYS), min_size=4)), DAYS[-1]})
    return Events(
        draw(st.lists(rows, min_size=10, max_size=60)),
        draw(st.lists(rows, max_size=20)),
        draw(histories()),
        draw(SCOPES),
        mined,
        sorted(draw(st.sets(st.sampled_from(mined)))),
        draw(st.sampled_from((DAYS[0], DAYS[0], DAYS[2], DAYS[5]))),
        draw(USERS),
        draw(KINDS),
        draw(st.sampled_from(("log1p", "atlan"))),
    )


SCORES = {
    "log1p": {},
    "atlan": {"score": lambda readers, reads: readers * math.log(reads) if reads else 0},
}
some = settings(max_examples=15, report_multiple_bugs=False, phases=NO_SHRINK, deadline=None)


def compared(frame, daily, told: Events, names: Mapping, names_left: tuple[str, ...]) -> None:
    """Every figure of every row of the frame is the oracle's; what nobody used in a window has nothing but zeros."""
    rows = {(*(row[name] for name in names_left), row["window_days"]): row for row in frame.to_dict("records")}
    assert len(rows) == len(frame)
    expected = {}
    for length in WINDOWS:
        found = oracle.popularity(daily, DAYS[-1], length, told.counts, **SCORES[told.score])
        expected |= {(*names(key), length): figures for key, figures in found.items()}
    assert expected.keys() <= rows.keys()
    longest = oracle.popularity(daily, DAYS[-1], 2 * max(WINDOWS))
    assert {key[:-1] for key in rows} == {tuple(names(key)) for key in longest}
    for key, row in rows.items():
        figures = expected.get(key)
        for name in frame.columns:
            if name in oracle.Popularity.__dataclass_fields__:
                value = None if row[name] != row[name] else row[name]
                wanted = getattr(figures, name) if figures else _nothing(name, key[-1], told)
                if name in ("score", "trend") and wanted is not None:
                    wanted = pytest.approx(wanted)
                if figures or name != "trend":
                    assert value == wanted, (key, name)
        assert row["partial"] == (row["partial_days"] > 0)
        assert row["as_of"] == DAYS[-1]


def _nothing(name: str, length: int, told: Events):
    if name == "partial_days":
        return sum(DAYS[-1] - timedelta(days=back) not in told.seen for back in range(length))
    return None if name.startswith("last") else 0


@some
@given(told=events(reads()))
def test_datasets(told):
    """Reads of every sort, writes, readers, people, machines, last times, score, band, trend and partial days of datasets."""
    with worlds(1) as (world,):
        told.mine(world, USAGE, "table_lineage")
        frame = popularity(world.ledger, told.options)
    daily = {one: expected_usage(one, rows, told.history, told.scope) for one, rows in told.seen.items()}
    compared(frame, daily, told, lambda key: (key[0], key[1].spelled), ("metastore_id", "dataset"))
    assert set(FIGURES) >= oracle.Popularity.__dataclass_fields__.keys()


@some
@given(told=events(column_reads()))
def test_columns(told):
    """The same of columns, as far as they have these figures; a column is spelled as its latest event that was mined."""
    with worlds(1) as (world,):
        told.mine(world, COLUMNS, "column_lineage")
        frame = column_popularity(world.ledger, told.options)
    daily = {}
    for one, rows in told.seen.items():
        uses = oracle.column_usage(one, rows, told.history, told.scope)
        daily[one] = {
            oracle.Use(use.metastore, (use.dataset.spelled, use.column), use.reader, use.kind): oracle.Figures(
                reads=figures.reads, last_read_at=figures.last_read_at
            )
            for use, figures in uses.items()
        }
    spelled = frame.assign(folded=frame["column"].astype(str).str.lower())
    compared(spelled, daily, told, lambda key: (key[0], *key[1]), ("metastore_id", "dataset", "folded"))
    assert [name for name in NAMES if name != "dataset_type"] == schemas.COLUMN_POPULARITY.names
    assert set(frame["metastore_id"]) <= {METASTORE}


DOCS = Path(__file__).parents[2] / "docs" / "usage.md"
_LEDGERS_USAGE = (
    "SELECT u.day, d.metastore_id, coalesce(d.catalog || '.' || d.schema || '.' || d.name, d.path), r.name, u.process_kind, "
    "u.reads, u.failed_reads, u.indirect_reads, u.self_reads, u.cached_reads, u.writes, u.runs, u.last_read_at, u.last_write_at "
    "FROM usage_day u JOIN dataset d ON d.id = u.dataset_id LEFT JOIN reader r ON r.id = u.reader_id AND u.reader_id <> 0"
)
_DAILY = (
    "CREATE TABLE daily_usage (day INTEGER, metastore VARCHAR, dataset VARCHAR, reader VARCHAR, process_kind VARCHAR, "
    "reads BIGINT, failed_reads BIGINT, indirect_reads BIGINT, self_reads BIGINT, cached_reads BIGINT, writes BIGINT, runs BIGINT, "
    "last_read BIGINT, last_write BIGINT)"
)


@settings(some, max_examples=5)
@given(rows=st.lists(reads(), min_size=10, max_size=60), history=histories())
def test_the_sql_of_the_docs(rows, history):
    """The definitions in docs/usage.md, run as they stand there, give every figure of a window."""
    (query,) = re.findall(r"```sql\n(WITH daily.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    told = Events(rows, [], history, Scope(), DAYS, [], DAYS[0], ((), ()), ((), ()), "log1p")
    with worlds(1) as (world,):
        told.mine(world, USAGE, "table_lineage")
        frame = popularity(world.ledger, told.options)
        usage = world.sql(_LEDGERS_USAGE)
    with duckdb.connect() as engine:
        engine.execute(_DAILY)
        if usage:
            engine.executemany("INSERT INTO daily_usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", usage)
        engine.execute("ALTER TABLE daily_usage ALTER day TYPE DATE USING DATE '1970-01-01' + day")
        for length in WINDOWS:
            asked = query.replace(":as_of", f"'{DAYS[-1]}'").replace(":days", str(length))
            defined = {row["dataset"]: row for row in engine.sql(asked).to_arrow_table().to_pylist()}
            for row in frame[frame["window_days"] == length].to_dict("records"):
                expected = defined.get(row["dataset"], {})
                for name in set(expected) & set(row):
                    value = None if row[name] != row[name] else row[name]
                    assert value == _as_told(name, expected[name]), (row["dataset"], length, name)
            assert defined.keys() <= set(frame["dataset"])
            assert all(
                {*oracle.Popularity.__dataclass_fields__} - {"partial_days"} <= row.keys() for row in defined.values()
            )


def _as_told(name, value):
    if name.startswith("last"):
        return None if value is None else days.instant_of(value)
    if name in ("score", "trend"):
        return value if value is None else pytest.approx(value)
    return value
