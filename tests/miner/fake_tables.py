"""The port to a warehouse in memory: answers for rows of the documented columns, as the oracle reads them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta

import pyarrow as pa

from miner import schemas
from miner.errors import MissingRightError
from miner.ports import Missing, Outside, Span, Statements
from tests import oracle
from tests.oracle import lineage as lineage_oracle
from tests.oracle.queries import statements_of
from tests.oracle.scope import EVERYTHING
from tests.oracle.usage import counting
from tests.queries.given import expected_usage

LINEAGE_TABLES = ("table_lineage", "column_lineage")

Hook = Callable[[str, date, int], None]
"""Told (method, first day asked for, number of the batch) before each batch; may raise what a warehouse raises."""


def hashed(*parts: str | None) -> str:
    """A key: 32 hex digits over parts with the unit separator between."""
    return hashlib.md5("\x1f".join(part or "" for part in parts).encode(), usedforsecurity=False).hexdigest()


def days_between(first: date, last: date) -> list[date]:
    """The days of a run, which never leaves its month."""
    if (first.year, first.month) != (last.year, last.month) or not 0 <= (last - first).days < schemas.RUN_DAYS:
        raise AssertionError(f"{first} to {last} is no run of days within one month, or too long a one")
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _no_rows() -> list[int]:
    return [0] * schemas.RUN_DAYS


class FakeTables:
    """`miner.ports.SystemTables` over given rows."""

    def __init__(
        self, *lineage, column_lineage=(), query_history=(), job_run_timeline=(), scope=EVERYTHING, absent=(),
        ships_contents=True,
    ):  # fmt: skip
        self.rows = {
            "table_lineage": list(lineage),
            "column_lineage": list(column_lineage),
            "query_history": list(query_history),
            "job_run_timeline": list(job_run_timeline),
        }
        self.scope = scope
        self.lacks = tuple(absent)
        self.ships_contents = ships_contents
        self.batch_rows = 2
        self.shows: Span | None = None
        """The span told, when it is not that of the rows: mining one day after another, in any order."""
        self.refused: MissingRightError | None = None
        """Raised when query history is asked for."""
        self.named: dict[str, str] = {}
        """Names by role of what stands in for a system table."""
        self.cancelled = 0
        self.misses: tuple[Missing, ...] = ()
        self.outside: list[dict] = []
        """Rows of `miner.schemas.OUTSIDE_READS`."""
        self.audited = False
        self.miscounts = 0
        """How many of the next counts of table_lineage are one row too high."""
        self.hook: Hook = lambda _method, _first, _number: None
        self.asked: list[tuple[str, date, date]] = []

    def span(self, table: str) -> Span:
        if table not in LINEAGE_TABLES:
            raise AssertionError(f"nobody may ask for the days of {table}")
        days = [row["event_date"] for row in self.rows[table]]
        return self.shows or (Span(min(days), max(days)) if days else Span(None, None))

    def absent(self) -> Sequence[str]:
        return self.lacks

    def views(self) -> Mapping[str, str]:
        return self.named

    def shown(self, table: str, first: date, last: date) -> pa.Table | None:
        self.asked.append(("shown", first, last))
        if self.refused and table == "query_history":
            raise self.refused
        if table in self.lacks:
            return None
        counted = Counter(
            (_day(table, row), row["workspace_id"] or "")
            for row in self.rows[table]
            if first <= _day(table, row) <= last
        )
        told = [{"day": day, "workspace_id": name, "rows": rows} for (day, name), rows in sorted(counted.items())]
        return pa.Table.from_pylist(told, schema=schemas.TOTALS)

    def totals(self, table: str, first: date, last: date) -> pa.Table:
        self._known(table)
        self.hook("totals", first, 0)
        counted = Counter(
            (_day(table, row), row["workspace_id"] or "")
            for row in self.rows[table]
            if _day(table, row) in days_between(first, last)
        )
        if self.miscounts and table == "table_lineage":
            self.miscounts -= 1
            counted[first, "1001"] += 1
        told = [{"day": day, "workspace_id": name, "rows": rows} for (day, name), rows in sorted(counted.items())]
        return pa.Table.from_pylist(told, schema=schemas.TOTALS)

    def edges(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        found: Counter = Counter()
        fates: dict = defaultdict(_no_rows)
        for day in days_between(first, last):
            for (fate, rule), rows in oracle.lineage_fates(day, self.rows["table_lineage"], self.scope).items():
                fates[fate, rule][(day - first).days] += rows
            for row in lineage_oracle.on(day, self.rows["table_lineage"]):
                fate = lineage_oracle.lineage_fate(row, self.scope)[0]
                if fate in ("kept", "indirect"):
                    found[oracle_edge(row), fate, row["direct_access"] is True, *_told_ids(row)] |= 1 << (day.day - 1)
        told = [
            {
                "fate": fate, "rows": 1, "day_bits": bits, "edge_key": edge_key(edge), "verified": verified,
                "notebook_id": notebook, "job_id": job, "pipeline_id": pipeline, **_edge_parts(edge),
            }
            for (edge, fate, verified, notebook, job, pipeline), bits in found.items()
        ]  # fmt: skip
        return self._batches("edges", first, last, told + _balance(fates), schemas.EDGES)

    def column_sets(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        told = self._sets(first, last)
        if not self.ships_contents:
            told = [{**row, "content": None} for row in told]
        fates: dict = defaultdict(_no_rows)
        for day in days_between(first, last):
            for (fate, rule), rows in oracle.lineage_fates(day, self.rows["column_lineage"], self.scope).items():
                if fate != "kept":
                    fates[fate, rule][(day - first).days] += rows
        return self._batches("column_sets", first, last, told + _balance(fates), schemas.COLUMN_SETS)

    def column_contents(self, first: date, last: date, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        told = [row for row in self._sets(first, last) if row["set_key"] in wanted]
        if lost := set(wanted) - {row["set_key"] for row in told}:
            raise AssertionError(f"no such sets between {first} and {last}: {lost}")
        return self._batches("column_contents", first, last, told, schemas.COLUMN_SETS)

    def _sets(self, first: date, last: date) -> list[dict]:
        """As the query tells them: an edge's pairs in as many parts as they have different days."""
        by_pair: dict = defaultdict(_no_rows)
        for day in days_between(first, last):
            for row in lineage_oracle.on(day, self.rows["column_lineage"]):
                if lineage_oracle.lineage_fate(row, self.scope)[0] == "kept":
                    pair = row["source_column_name"], row["target_column_name"]
                    by_pair[oracle_edge(row), pair][(day - first).days] += 1
        parts: dict = defaultdict(list)
        for (edge, pair), counts in by_pair.items():
            bits = sum(1 << (first.day - 1 + at) for at, rows in enumerate(counts) if rows)
            parts[edge, bits].append(("".join(f"{len(name)}:{name}" for name in pair), counts))
        told = []
        for (edge, bits), pairs in parts.items():
            content = "".join(sorted(text for text, _ in pairs))
            by_day = [sum(counts) for counts in zip(*(counts for _, counts in pairs), strict=True)]
            told.append({
                "fate": "kept", "rows_by_day": by_day, "rows": sum(by_day), "day_bits": bits,
                "edge_key": edge_key(edge), "set_key": hashed(content), "content": content,
            })  # fmt: skip
        return told

    def usage(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        told = [row for day in days_between(first, last) for row in self._usage_of(day)]
        return self._batches("usage", first, last, told, schemas.USAGE)

    def _usage_of(self, day: date) -> list[dict]:
        table = self.rows["table_lineage"]
        fates = oracle.usage_fates(day, table, self.scope)
        forms = self._forms(day)
        told = []
        for use, figures in expected_usage(day, table, self.rows["query_history"], self.scope).items():
            told.append({
                "day": day, "fate": "kept", "rows": 0, "metastore_id": use.metastore,
                "dataset_key": hashed(use.metastore, *use.dataset), **_parts("dataset", use.dataset),
                "reader": use.reader, "process_kind": use.kind, **forms.get((use.metastore, use.dataset), {}), **asdict(figures),
            })  # fmt: skip
        if kept := fates.pop(("kept", ""), 0):
            told[0]["rows"] = kept
        return told + [{"day": day, "fate": fate, "rule": rule, "rows": rows} for (fate, rule), rows in fates.items()]

    def _forms(self, day: date) -> dict:
        """Type, spelling and locations of a day's datasets."""
        forms: dict = {}
        rows = sorted(lineage_oracle.on(day, self.rows["table_lineage"]), key=lambda row: row["event_time"])
        for row in rows:
            for side in ("source", "target"):
                if not (name := counting(row, side, self.scope)):
                    continue
                form = forms.setdefault((row["metastore_id"] or "", name), {})
                parts = [(row[f"{side}_table_{part}"] or "").strip("`") for part in ("catalog", "schema", "name")]
                spelled = ".".join(parts) if name.name else name.path
                latest = (form.get("dataset_seen_at", row["event_time"]), form.get("dataset_spelling", ""))
                form["dataset_seen_at"], form["dataset_spelling"] = max(latest, (row["event_time"], spelled))
                form["dataset_type"] = row[f"{side}_type"]
                location = oracle.folder(row[f"{side}_path"])
                if name.name and location:
                    form["first_location"] = min(form.get("first_location", location), location)
                    form["last_location"] = max(form.get("last_location", location), location)
        return forms

    def replaced(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        """As the query tells them: each day's replacements, and edges into these that were last seen before."""
        told = []
        for day in days_between(first, last):
            found = oracle.replaced(day, self.rows["table_lineage"], self.rows["query_history"])
            for (metastore, target), superseded in found.items():
                key = hashed(metastore, *target)
                keys = [None, *map(edge_key, superseded)]
                told += [{"day": day, "dataset_key": key, "edge_key": one} for one in keys]
        return self._batches("replaced", first, last, told, schemas.REPLACED)

    def flow_texts(self, first: date, last: date, length: int) -> Iterator[pa.RecordBatch]:
        told = oracle.flow_texts(
            first, last, self.rows["table_lineage"], self.rows["query_history"], length=length, scope=self.scope
        )
        rows = [
            {"process_key": hashed(*process), "dataset_key": hashed(process[0], *target), "at": at, "text": text}
            for (process, target), (at, text) in told.items()
        ]
        return self._batches("flow_texts", first, last, rows, schemas.FLOW_TEXTS)

    def column_usage(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        told = [row for day in days_between(first, last) for row in self._column_usage_of(day)]
        return self._batches("column_usage", first, last, told, schemas.COLUMN_USAGE)

    def _column_usage_of(self, day: date) -> list[dict]:
        given = day, self.rows["column_lineage"], self.rows["query_history"], self.scope
        fates = oracle.column_usage_fates(*given)
        told = []
        for use, figures in oracle.column_usage(*given).items():
            key = hashed(use.metastore, *use.dataset)
            told.append({
                "day": day, "fate": "kept", "rows": 0, "metastore_id": use.metastore, "dataset_key": key,
                **_parts("dataset", use.dataset), "column_key": hashed(key, use.column), "column_name": use.column,
                "column_spelling": figures.spelling, "reader": use.reader, "process_kind": use.kind,
                "reads": figures.reads, "last_read_at": figures.last_read_at,
            })  # fmt: skip
        if kept := fates.pop(("kept", ""), 0):
            told[0]["rows"] = kept
        return told + [{"day": day, "fate": fate, "rule": rule, "rows": rows} for (fate, rule), rows in fates.items()]

    def query_runs(self, first: date, last: date, told: Statements) -> Iterator[pa.RecordBatch]:
        rows = []
        for day in days_between(first, last):
            given = day, self.rows["table_lineage"], self.rows["query_history"], self.scope
            fates = oracle.query_fates(day, self.rows["query_history"], self.scope)
            rows += [{"day": day, "fate": fate, "rule": rule, "rows": count} for (fate, rule), count in fates.items()]
            rows += [_statement(day, one, figures) for one, figures in oracle.query_runs(*given, told.most).items()]
        if told.text_length:
            said = self._said(told.text_length)
            for row in rows:
                row["text"] = said.pop(row.get("fingerprint"), None)
        return self._batches("query_runs", first, last, rows, schemas.QUERY_RUNS)

    def _said(self, length: int) -> dict[str | None, str]:
        told = [
            one
            for row in self.rows["query_history"]
            for one in statements_of(_day("query_history", row), [row], self.scope)
        ]
        return {one.fingerprint: one.said[:length] for one in told if one.said}

    def one_time_runs(self, first: date, last: date) -> Iterator[pa.RecordBatch]:
        found = oracle.one_time_runs(self.rows["job_run_timeline"], first, last)
        told = [{"workspace_id": space, "job_id": job, "run_name": name} for (space, job), name in found.items()]
        return self._batches("one_time_runs", first, last, told, schemas.ONE_TIME_RUNS)

    def missing(self) -> Sequence[Missing]:
        return self.misses

    def enrichment(self, first: date, last: date) -> pa.Table:
        told = [
            {"day": day, "side": side, "fate": fate, "rows": rows}
            for day in days_between(first, last)
            for (side, fate), rows in oracle.enrichment(
                day, self.rows["table_lineage"], self.rows["query_history"]
            ).items()
        ]
        return pa.Table.from_pylist(told, schema=schemas.ENRICHMENT)

    def outside_reads(self, first: date, last: date) -> Outside:
        told = [row for row in self.outside if row["day"] is None or first <= row["day"] <= last]
        return Outside(pa.Table.from_pylist(told, schema=schemas.OUTSIDE_READS), self.audited)

    def cancel(self) -> None:
        self.cancelled += 1

    def _batches(
        self, method: str, first: date, last: date, told: list[dict], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        self.asked.append((method, first, last))
        for row in told:
            if unknown := row.keys() - set(schema.names):
                raise AssertionError(f"{method} has no columns {unknown}")
        whole = pa.Table.from_pylist(told, schema=schema)
        for number, batch in enumerate(whole.to_batches(self.batch_rows)):
            self.hook(method, first, number)
            yield batch

    def _known(self, table: str) -> None:
        if table not in (*LINEAGE_TABLES, "query_history"):
            raise AssertionError(f"nobody may ask for {table} by day")


def _day(table: str, row: dict) -> date:
    """The day that a row of a table is of."""
    return row["start_time"].date() if table == "query_history" else row["event_date"]


def _statement(day: date, one: oracle.Statement, figures: oracle.Runs) -> dict:
    told = {} if one.dataset is None else {
        "metastore_id": one.metastore, "dataset_key": hashed(one.metastore, *one.dataset), **_parts("dataset", one.dataset)
    }  # fmt: skip
    return {
        "day": day, "rows": 0, **told, "fingerprint": one.fingerprint, "statement_type": one.type, "reader": one.reader,
        "process_kind": one.kind, "client": one.client, "warehouse": one.warehouse, **asdict(figures),
    }  # fmt: skip


def oracle_edge(row: dict) -> oracle.Edge:
    """The edge that a row makes."""
    return lineage_oracle.edge(row)


def edge_key(edge: oracle.Edge) -> str:
    """The key of an edge, over its parts."""
    return hashed(*edge[:4], *edge.source, *edge.target)


def _told_ids(row: dict) -> tuple[str | None, str | None, str | None]:
    told = row["entity_metadata"] or {}
    return (
        told.get("notebook_id"),
        (told.get("job_info") or {}).get("job_id"),
        (told.get("dlt_pipeline_info") or {}).get("dlt_pipeline_id"),
    )


def _edge_parts(edge: oracle.Edge) -> dict[str, str | None]:
    names = ("metastore_id", "workspace_id", "process_kind", "process_id")
    return dict(zip(names, edge[:4], strict=True)) | _parts("source", edge.source) | _parts("target", edge.target)


def _parts(prefix: str, name: oracle.Dataset) -> dict[str, str | None]:
    return {f"{prefix}_{part}": value for part, value in name._asdict().items()}


def _balance(fates: dict) -> list[dict]:
    return [
        {"fate": fate, "rule": rule, "rows_by_day": by_day, "rows": sum(by_day)}
        for (fate, rule), by_day in fates.items()
    ]
