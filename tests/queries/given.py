"""A source over rows of a test's own, and its answers in the oracle's words, so that the two can be compared."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlglot

from miner.exclusions import Exclusions
from queries import embedded, statements
from queries.embedded import EmbeddedWarehouse
from queries.system_tables import SystemTableReader
from tests import oracle, rows
from tests.oracle.scope import EVERYTHING

GLOBS = ("catalogs", "schemas", "tables", "paths", "workspaces", "process_kinds")
OWN_TABLES = tuple(rows.TABLES.values())


def reader(root: Path, scope: oracle.Scope = EVERYTHING) -> SystemTableReader:
    """The product's reader over the folder of an estate."""
    warehouse = EmbeddedWarehouse(root, scratch=root / "scratch", threads=1)
    left_out = Exclusions(**{name: getattr(scope, name) for name in GLOBS})
    return SystemTableReader(warehouse, exclusions=left_out, principal=scope.principal)


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
    """What the usage queries said; reads from the cache add to the figures of the same reader."""

    figures: dict[oracle.Use, oracle.Figures] = field(default_factory=dict)
    fates: oracle.Fates = field(default_factory=Counter)


def told(batches: Iterable[pa.RecordBatch]) -> list[dict]:
    """The rows of an answer."""
    return [row for batch in batches for row in batch.to_pylist()]


def edges(source: SystemTableReader, day=rows.DAY) -> Edges:
    """The day's edges. A key stands for its parts, or this fails."""
    answer = Edges()
    for row in told(source.edges(day)):
        _add_fate(answer.fates, row)
        if row["edge_key"] is None:
            assert row["fate"] not in ("kept", "indirect")
            continue
        edge = oracle.Edge(
            *(row[name] for name in ("metastore_id", "workspace_id", "process_kind", "process_id")),
            *(_dataset(row, side) for side in ("source", "target")),
        )
        assert row["edge_key"] == key(edge)
        if row["fate"] == "kept":
            answer.kept[edge] = answer.kept.get(edge, False) or row["verified"]
        else:
            answer.indirect.add(edge)
    return answer


def columns(source: SystemTableReader, day=rows.DAY) -> Columns:
    """The day's column pairs. A set's key is the MD5 of its content, or this fails."""
    answer = Columns()
    pairs = defaultdict(set)
    for row in told(source.column_sets(day)):
        _add_fate(answer.fates, row)
        if row["edge_key"] is None:
            assert row["fate"] != "kept"
            continue
        assert row["set_key"] == hashlib.md5(row["content"].encode(), usedforsecurity=False).hexdigest()
        found = decoded(row["content"])
        assert found == sorted(set(found), key=lambda pair: "".join(f"{len(name)}:{name}" for name in pair))
        answer.rows_of_edge[row["edge_key"]] += 1
        pairs[row["edge_key"]] |= set(found)
    answer.pairs = dict(pairs)
    return answer


def usage(source: SystemTableReader, day=rows.DAY) -> Usage:
    """The day's figures, reads from the cache with them."""
    answer = Usage()
    measures = [one.name for one in fields(oracle.Figures)]
    for row in told(source.usage(day)):
        _add_fate(answer.fates, row)
        if row["fate"] != "kept":
            continue
        name = _dataset(row, "dataset")
        assert row["dataset_key"] == _hashed(row["metastore_id"], *name)
        use = oracle.Use(row["metastore_id"], name, row["reader"], row["process_kind"])
        figures = oracle.Figures(*(row[measure] for measure in measures))
        answer.figures[use] = added(answer.figures.get(use), figures)
    return answer


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


def _add_fate(fates: oracle.Fates, row: dict) -> None:
    if row["rows"] or row["fate"] != "kept":
        fates[row["fate"], row["rule"] or ""] += row["rows"]


def ruled(call: str, values: Sequence[str | None]) -> list[str | None]:
    """What a shared rule makes of texts, on DuckDB as in a query; `call` names the text `raw`."""
    expressions = [sqlglot.parse_one(text, read=statements.DIALECT) for text in ("place", call)]
    tree = statements._inlined(sqlglot.select(*expressions).from_("texts"))
    with duckdb.connect() as engine:
        engine.register("texts", pa.table({"place": range(len(values)), "raw": pa.array(values, pa.string())}))
        return [text for _, text in sorted(engine.sql(embedded._duckdb_sql(tree)).fetchall())]
