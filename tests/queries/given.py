"""A source over rows of a test's own, and its answers in the oracle's words, so that the two can be compared."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlglot

from miner.errors import MissingTableError
from miner.ports import Statements
from miner.schemas import USAGE
from miner.scope import Globs, Scope
from queries import embedded, statements
from queries.cost import CostReader
from queries.embedded import EmbeddedWarehouse
from queries.system_tables import COST_TABLES, SystemTableReader
from queries.warehouse import Prepared
from tests import oracle, rows
from tests.oracle.scope import EVERYTHING

GLOBS = ("catalogs", "schemas", "tables", "paths", "workspaces", "process_kinds")
OWN_TABLES = tuple(rows.TABLES.values())


_PREPARED: dict[tuple, dict] = {}
"""Queries made ready, by the fields the tables have: making them ready takes longer than answering them."""


def unopened(root: Path, scope: oracle.Scope = EVERYTHING) -> SystemTableReader:
    """The product's reader over a folder that it has not looked into yet."""
    warehouse = EmbeddedWarehouse(root, scratch=root / "scratch", threads=1)
    return SystemTableReader(warehouse, scope=scope_of(scope), principal=scope.principal)


def scope_of(scope: oracle.Scope) -> Scope:
    """The product's scope for one of the oracle's."""
    exclude, include = (Globs(**{name: getattr(lists, name) for name in GLOBS}) for lists in (scope, scope.include))
    return Scope(exclude=exclude, include=include)


def reader(root: Path, scope: oracle.Scope = EVERYTHING, **tables: Iterable[rows.Row] | None) -> SystemTableReader:
    """The product's reader over the folder of an estate, written first when rows are given."""
    source = unopened(rows.write_estate(root, **tables) if tables else root, scope)
    source._prepared = _PREPARED.setdefault(tuple(_fields(source, role) for role in rows.TABLES), {})
    return source


def cost_reader(root: Path, scope: oracle.Scope = EVERYTHING, **tables: Iterable[rows.Row] | None) -> SystemTableReader:
    """The same, which reads the tables of cost as well."""
    source = unopened(rows.write_estate(root, **tables) if tables else root, scope)
    source.tables = {**source.tables, **COST_TABLES}
    roles = (*rows.TABLES, *rows.COST_TABLES)
    source._prepared = _PREPARED.setdefault(tuple(_fields(source, role) for role in roles), {})
    return source


def _fields(source: SystemTableReader, role: str) -> frozenset | None:
    try:
        return source.fields(role)
    except MissingTableError:
        return None


@dataclass
class Edges:
    """What the edge query said."""

    kept: dict[oracle.Edge, bool] = field(default_factory=dict)
    indirect: set[oracle.Edge] = field(default_factory=set)
    fates: oracle.Fates = field(default_factory=Counter)


@dataclass
class Columns:
    """What the column query said: pairs by edge key, and how many rows told of each edge."""

    pairs: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    rows_of_edge: Counter[str] = field(default_factory=Counter)
    fates: oracle.Fates = field(default_factory=Counter)


@dataclass
class Usage:
    """What the usage queries said; reads from the cache add to the figures of the same reader.

    `forms` tells type, spelling, first and last location.
    """

    figures: dict[oracle.Use, oracle.Figures] = field(default_factory=dict)
    forms: dict[oracle.Use, tuple[str | None, ...]] = field(default_factory=dict)
    fates: oracle.Fates = field(default_factory=Counter)


def told(batches: Iterable[pa.RecordBatch]) -> list[dict]:
    """The rows of an answer."""
    return [row for batch in batches for row in batch.to_pylist()]


def edges(source: SystemTableReader, day: date = rows.DAY) -> Edges:
    """The edges of one day."""
    return edges_of_days(source, day, day)[day]


def edges_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Edges]:
    """Edges by day of a run of days. A key stands for its parts, or this fails."""
    answers: dict[date, Edges] = defaultdict(Edges)
    for row in told(source.edges(first, last)):
        if row["edge_key"] is None:
            _add_fates(answers, row, first)
            continue
        edge = oracle.Edge(
            *(row[name] for name in ("metastore_id", "workspace_id", "process_kind", "process_id")),
            *(_dataset(row, side) for side in ("source", "target")),
        )
        assert row["edge_key"] == key(edge)
        for day in _days(row, first):
            if row["fate"] == "kept":
                answers[day].kept[edge] = answers[day].kept.get(edge, False) or row["verified"]
            else:
                assert row["fate"] == "indirect"
                answers[day].indirect.add(edge)
    return answers


def columns(source: SystemTableReader, day: date = rows.DAY) -> Columns:
    """The column pairs of one day."""
    return columns_of_days(source, day, day)[day]


def columns_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Columns]:
    """Column pairs by day of a run of days. A set's key is the MD5 of its content, or this fails."""
    answers: dict[date, Columns] = defaultdict(Columns)
    for row in told(source.column_sets(first, last)):
        _add_fates(answers, row, first)
        if row["edge_key"] is None:
            assert row["fate"] != "kept"
            continue
        assert row["content"] is not None
        assert row["set_key"] == hashlib.md5(row["content"].encode(), usedforsecurity=False).hexdigest()
        found = decoded(row["content"])
        assert found == sorted(set(found), key=lambda pair: "".join(f"{len(name)}:{name}" for name in pair))
        for day in _days(row, first):
            answers[day].rows_of_edge[row["edge_key"]] += 1
            pairs = answers[day].pairs.setdefault(row["edge_key"], set())
            assert pairs.isdisjoint(found)
            pairs.update(found)
    return answers


def usage(source: SystemTableReader, day: date = rows.DAY) -> Usage:
    """The figures of one day."""
    return usage_of_days(source, day, day)[day]


def usage_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Usage]:
    """Figures by day of a run of days, reads from the cache with them."""
    answers: dict[date, Usage] = defaultdict(Usage)
    measures = [one.name for one in fields(oracle.Figures)]
    for row in told(source.usage(first, last)):
        answer, reason = answers[row["day"]], (row["fate"], row["rule"] or "")
        assert row["fate"] == "kept" or reason not in answer.fates
        if row["rows"]:
            answer.fates[reason] += row["rows"]
        if row["fate"] != "kept":
            continue
        name = _dataset(row, "dataset")
        assert row["dataset_key"] == _hashed(row["metastore_id"], *name)
        use = oracle.Use(row["metastore_id"], name, row["reader"], row["process_kind"])
        figures = oracle.Figures(*(row[measure] for measure in measures))
        answer.figures[use] = added(answer.figures.get(use), figures)
        if row["dataset_spelling"]:
            answer.forms[use] = tuple(row[name] for name in _FORM)
    return answers


_FORM = ("dataset_type", "dataset_spelling", "first_location", "last_location")


def daily_usage_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Usage]:
    """Figures by day without reads from the cache."""
    return _without(source, "cached_reads", first, last)


def cached_reads_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Usage]:
    """Reads from the cache by day, alone."""
    return _without(source, "usage_daily", first, last)


@dataclass
class ColumnUsage:
    """What the query of reads of columns said."""

    figures: dict[oracle.ColumnUse, oracle.ColumnReads] = field(default_factory=dict)
    fates: oracle.Fates = field(default_factory=Counter)


def column_usage(source: SystemTableReader, day: date = rows.DAY) -> ColumnUsage:
    """The reads of columns of one day."""
    return column_usage_of_days(source, day, day)[day]


def column_usage_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, ColumnUsage]:
    """Reads of columns by day of a run of days. A key stands for its parts, or this fails."""
    answers: dict[date, ColumnUsage] = defaultdict(ColumnUsage)
    for row in told(source.column_usage(first, last)):
        answer, reason = answers[row["day"]], (row["fate"], row["rule"] or "")
        assert row["fate"] == "kept" or reason not in answer.fates
        answer.fates[reason] += row["rows"]
        if row["fate"] != "kept":
            assert not any(row[name] for name in ("dataset_key", "column_key", "column_name", "reader", "process_kind"))
            continue
        name = _dataset(row, "dataset")
        assert row["dataset_key"] == _hashed(row["metastore_id"], *name)
        assert row["column_key"] == _hashed(row["dataset_key"], row["column_name"])
        use = oracle.ColumnUse(row["metastore_id"], name, row["column_name"], row["reader"], row["process_kind"])
        assert use not in answer.figures
        answer.figures[use] = oracle.ColumnReads(row["reads"], row["last_read_at"], row["column_spelling"])
    return answers


_NULLS = ", ".join(f"NULL AS {name}" for name in USAGE.names)
_NOTHING = {
    "usage_daily": Prepared(f"SELECT {_NULLS} WHERE false", (), frozenset()),
    "cached_reads": Prepared(f"SELECT {_NULLS}, NULL AS {statements.ALL_ROWS}", (), frozenset()),
}
"""Answers without a row; one whose rows are counted tells so in a row of NULLs."""


def _without(source: SystemTableReader, other: str, first: date, last: date) -> dict[date, Usage]:
    key = (other, "table_lineage", "query_history")
    ready = source._prepared.get(key)
    source._prepared[key] = _NOTHING[other]
    try:
        return usage_of_days(source, first, last)
    finally:
        del source._prepared[key]
        if ready:
            source._prepared[key] = ready


@dataclass
class Queries:
    """What the query of statements said, and the texts by fingerprint."""

    runs: dict[oracle.Statement, oracle.Runs] = field(default_factory=dict)
    fates: oracle.Fates = field(default_factory=Counter)
    texts: dict[str, str] = field(default_factory=dict)


def query_runs_of_days(
    source: SystemTableReader, first: date, last: date, most: int = 100, text_length: int = 0
) -> dict[date, Queries]:
    """Statements by day of a run of days. Every figure has a row of its own, and a fate is told once, or this fails."""
    answers: dict[date, Queries] = defaultdict(Queries)
    measures = [one.name for one in fields(oracle.Runs)]
    whose = ("fingerprint", "statement_type", "reader", "process_kind", "client", "warehouse")
    for row in told(source.query_runs(first, last, Statements(most, text_length))):
        answer = answers[row["day"]]
        if row["fate"] is not None:
            assert (row["fate"], row["rule"] or "") not in answer.fates
            answer.fates[row["fate"], row["rule"] or ""] = row["rows"]
            continue
        name = _dataset(row, "dataset") if row["dataset_key"] else None
        assert name is None or row["dataset_key"] == _hashed(row["metastore_id"], *name)
        one = oracle.Statement(row["metastore_id"], name, *(row[part] for part in whose))
        assert one not in answer.runs
        answer.runs[one] = oracle.Runs(*(row[measure] for measure in measures))
        if row["text"] is not None:
            assert not any(row["fingerprint"] in other.texts for other in answers.values())
            answer.texts[row["fingerprint"]] = row["text"]
    return answers


def one_time_runs(
    source: SystemTableReader, first: date = rows.DAY, last: date = rows.DAY
) -> dict[tuple[str, str], str | None]:
    """Names of one-time runs by workspace and job id."""
    found = told(source.one_time_runs(first, last))
    names = {(row["workspace_id"], row["job_id"]): row["run_name"] for row in found}
    assert len(names) == len(found)
    return names


def replaced(source: SystemTableReader, first: date, last: date) -> dict[tuple[date, str], set[str]]:
    """Keys of superseded edges by day and key of the table that was replaced."""
    found: dict[tuple[date, str], set[str]] = defaultdict(set)
    for row in told(source.replaced(first, last)):
        found[row["day"], row["dataset_key"]] |= {row["edge_key"]} - {None}
    return dict(found)


def expected_replaced(first: date, last: date, lineage: oracle.Rows, history: oracle.Rows) -> dict:
    """The same, in the oracle's words; statements count that began within a day of the run of days."""
    around = (first - timedelta(days=1), last + timedelta(days=1))
    history = [row for row in history if around[0] <= row["start_time"].date() <= around[1]]
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return {
        (day, _hashed(metastore, *target)): {_hashed(*edge[:4], *edge.source, *edge.target) for edge in superseded}
        for day in days
        for (metastore, target), superseded in oracle.replaced(day, lineage, history).items()
    }


def flow_texts(
    source: SystemTableReader, first: date, last: date, length: int = 30
) -> dict[tuple[str, str], tuple[datetime, str]]:
    """What the latest statement says, and when, by the keys of process and dataset."""
    found = told(source.flow_texts(first, last, length))
    texts = {(row["process_key"], row["dataset_key"]): (row["at"], row["text"]) for row in found}
    assert len(texts) == len(found)
    return texts


def expected_flow_texts(
    first: date, last: date, lineage: oracle.Rows, history: oracle.Rows, scope: oracle.Scope
) -> dict:
    """The same, in the oracle's words."""
    return {
        (_hashed(*process), _hashed(process[0], *target)): found
        for (process, target), found in oracle.flow_texts(first, last, lineage, history, length=30, scope=scope).items()
    }


def totals_of_days(source: SystemTableReader, first: date, last: date) -> list[dict]:
    """Rows of table_lineage by day and workspace."""
    return source.totals("table_lineage", first, last).to_pylist()


def enrichment_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Counter]:
    """Statements by day, by side and whether the other one has them."""
    answers: dict[date, Counter] = defaultdict(Counter)
    for row in source.enrichment(first, last).to_pylist():
        assert first <= row["day"] <= last
        assert (row["side"], row["fate"]) not in answers[row["day"]]
        answers[row["day"]][row["side"], row["fate"]] = row["rows"]
    return dict(answers)


def outside_reads(source: SystemTableReader, first: date = rows.DAY, last: date = rows.DAY) -> dict[tuple, int]:
    """Reads past lineage by day, metastore, dataset and who tells of them."""
    told_ = source.outside_reads(first, last).rows.to_pylist()
    answers = {(row["day"], row["metastore_id"], row["dataset"], row["told_by"]): row["reads"] for row in told_}
    assert len(answers) == len(told_)
    return answers


def totals(source: SystemTableReader, table: str, day: date = rows.DAY) -> int:
    """All rows of a lineage table on one day."""
    return sum(row["rows"] for row in source.totals(table, day, day).to_pylist())


def added(one: oracle.Figures | None, other: oracle.Figures) -> oracle.Figures:
    """The figures of two parts of one day."""
    if one is None:
        return other
    counts = [one.name for one in fields(oracle.Figures) if not one.name.startswith("last")]
    times = {
        name: max(filter(None, (getattr(one, name), getattr(other, name))), default=None)
        for name in ("last_read_at", "last_write_at")
    }
    return oracle.Figures(**{name: getattr(one, name) + getattr(other, name) for name in counts}, **times)


def expected_usage(day, lineage, history=(), scope: oracle.Scope = EVERYTHING) -> dict[oracle.Use, oracle.Figures]:
    """The oracle's figures of a day, reads from the cache with them."""
    whole = dict(oracle.usage(day, lineage, history, scope))
    for use, figures in oracle.cached_reads(day, lineage, history, scope).items():
        whole[use] = added(whole.get(use), figures)
    return whole


def key(edge: oracle.Edge) -> str:
    """The key of an edge: the MD5 of its parts with the unit separator between."""
    return _hashed(*edge[:4], *edge.source, *edge.target)


def keyed(pairs: dict[oracle.Edge, set]) -> dict[str, set]:
    """Column pairs by the key of their edge."""
    return {key(edge): names for edge, names in pairs.items()}


def _hashed(*parts: str | None) -> str:
    return hashlib.md5("\x1f".join(part or "" for part in parts).encode(), usedforsecurity=False).hexdigest()


def decoded(content: str) -> list[tuple[str, str]]:
    """The column pairs of a set, in its order."""
    names = []
    while content:
        length, _, rest = content.partition(":")
        names.append(rest[: int(length)])
        content = rest[int(length) :]
    return list(zip(names[::2], names[1::2], strict=True))


def _dataset(row: dict, side: str) -> oracle.Dataset:
    return oracle.Dataset(*(row[f"{side}_{part}"] for part in ("catalog", "schema", "name", "path")))


def _add_fates(answers: dict, row: dict, first: date) -> None:
    """Rows by day of the run; days without rows of that fate stay out."""
    for place, count in enumerate(row["rows_by_day"]):
        if count:
            answers[first + timedelta(days=place)].fates[row["fate"], row["rule"] or ""] += count


def _days(row: dict, first: date) -> list[date]:
    return [first.replace(day=bit + 1) for bit in range(31) if row["day_bits"] >> bit & 1]


def ruled(call: str, values: Sequence[str | None]) -> list[str | None]:
    """What a shared rule makes of texts, on DuckDB as in a query; `call` names the text `raw`."""
    expressions = [sqlglot.parse_one(text, read=statements.DIALECT) for text in ("place", call)]
    tree = statements._inlined(sqlglot.select(*expressions).from_("texts"))
    with duckdb.connect() as engine:
        engine.register("texts", pa.table({"place": range(len(values)), "raw": pa.array(values, pa.string())}))
        return [text for _, text in sorted(engine.sql(embedded._duckdb_sql(tree)).fetchall())]


@dataclass
class Costs:
    """What the cost query said of a day: rows by fate, and money by hour and by dataset, in billionths."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    hours: dict[tuple[int, str, str], int] = field(default_factory=dict)
    datasets: dict[tuple[str, oracle.Dataset, str], int] = field(default_factory=dict)
    statements: dict[tuple[str, oracle.Dataset, str], int] = field(default_factory=dict)


def costs_of_days(source: SystemTableReader, first: date, last: date) -> dict[date, Costs]:
    """Cost by day of a run of days. A dataset's key stands for its parts, or this fails."""
    answers: dict[date, Costs] = defaultdict(Costs)
    for row in told(CostReader(source).costs(first, last)):
        answer, fate = answers[row["day"]], row["fate"]
        if row["part"] == "rows":
            assert (fate, row["rule"] or "") not in answer.rows
            answer.rows[fate, row["rule"] or ""] = row["rows"]
        elif row["part"] == "hour":
            assert (row["hour"], row["currency"], fate) not in answer.hours
            answer.hours[row["hour"], row["currency"], fate] = row["amount"]
        else:
            name = _dataset(row, "dataset")
            assert row["dataset_key"] == _hashed(row["metastore_id"], *name)
            key_ = (row["metastore_id"], name, row["currency"])
            assert key_ not in answer.datasets
            answer.datasets[key_], answer.statements[key_] = row["amount"], row["statements"]
    return answers


def charges_of_days(source: SystemTableReader, first: date, last: date) -> dict[tuple[date, int, str], int]:
    """What warehouses cost by day, hour and currency."""
    found = told(CostReader(source).charges(first, last))
    return {(row["day"], row["hour"], row["currency"]): row["amount"] for row in found}


def assert_costs(found: Costs, expected: oracle.Costs, within: int = 20) -> None:
    """Hold a day's cost against the oracle's exact one: each part to a few billionths, together to the last one."""
    assert found.rows == expected.rows
    for told, exact in ((found.hours, expected.hours), (found.datasets, expected.datasets)):
        for key_ in told.keys() | exact.keys():
            assert abs(told.get(key_, 0) - exact.get(key_, 0)) <= within, key_
    assert found.statements == {key_: len(ran) for key_, ran in expected.statements.items()}
    for currency in {currency for _, currency, _ in expected.hours}:
        whole = sum(amount for (_, other, _), amount in expected.hours.items() if other == currency)
        assert sum(amount for (_, other, _), amount in found.hours.items() if other == currency) == whole
