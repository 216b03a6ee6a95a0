"""What two engines say to the same question: every row, and the types they give it before the reader casts them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from miner.ports import Statements, TableName
from queries.cost import CostReader
from queries.names import NameReader, told_by
from queries.preflight.looks import Looks
from queries.system_tables import SystemTableReader
from tests.queries.crafted import TAG
from tests.rows import TABLES

Ask = Callable[[SystemTableReader], object]


@dataclass(frozen=True)
class Answer:
    """Rows as a bag, for neither engine promises their order, or one value; and the types of each result's columns."""

    told: Counter[str] | tuple[object]
    types: Sequence[Mapping[str, pa.DataType]]


@dataclass(frozen=True)
class Pair:
    """The same reader over the same files on two engines."""

    duckdb: SystemTableReader
    spark: SystemTableReader
    questions: Mapping[str, Ask]
    _answers: dict[str, tuple[Answer, Answer]] = field(default_factory=dict)

    def answers(self, question: str) -> tuple[Answer, Answer]:
        """What DuckDB and Spark say to one question, asked once."""
        if question not in self._answers:
            ask = self.questions[question]
            self._answers[question] = _answer(self.duckdb, ask), _answer(self.spark, ask)
        return self._answers[question]

    def agree(self, question: str) -> Answer:
        """What both say. Fails unless they give the same rows in the same types, and not nothing."""
        on_duckdb, on_spark = self.answers(question)
        for one, other in ((on_duckdb.told, on_spark.told), (on_duckdb.types, on_spark.types)):
            if one != other:
                pytest.fail(f"{question}: DuckDB says {_beyond(one, other)}, Spark {_beyond(other, one)}")
        if not on_spark.told:
            pytest.fail(f"{question}: neither engine says anything")
        return on_spark

    @property
    def asked(self) -> set[str]:
        """The texts that Spark ran for all the questions there are."""
        for question in self.questions:
            self.answers(question)
        return self.spark.warehouse.asked


def questions(first: date, last: date, wanted: Sequence[str] = ()) -> dict[str, Ask]:
    """Every question that is put to a warehouse about a run of days, by name; `usage` is two queries."""
    mined: dict[str, Ask] = {
        "span": lambda source: [source.span("table_lineage"), source.span("column_lineage")],
        "totals": lambda source: source.totals("column_lineage", first, last),
        "edges": lambda source: source.edges(first, last),
        "column sets": lambda source: source.column_sets(first, last),
        "column sets without content": lambda source: source._column_sets(first, last, "none", ""),
        "contents on demand": lambda source: source.column_contents(first, last, wanted),
        "usage": lambda source: source.usage(first, last),
        "replaced tables": lambda source: source.replaced(first, last),
        "texts of flows": lambda source: source.flow_texts(first, last, 40),
        "column usage": lambda source: source.column_usage(first, last),
        "query runs": lambda source: source.query_runs(first, last, Statements(2, 40)),
        "one-time runs": lambda source: source.one_time_runs(first, last),
        "enrichment": lambda source: source.enrichment(first, last),
        "reads past lineage": lambda source: source.outside_reads(first, last).rows,
    }
    named = {part: _naming(part, first, last) for part in told_by()} | {LISTED: _listing(first, last)}
    paid = {name: _costing(ask, first, last) for name, ask in COSTS.items()}
    return mined | paid | {name: _looking(look, first, last) for name, look in LOOKS.items()} | named


COSTS: dict[str, Callable[[CostReader, date, date], object]] = {
    "cost": lambda costs, first, last: costs.costs(first, last),
    "cost by hour": lambda costs, first, last: costs.charges(first, last),
    "cost totals": lambda costs, first, last: costs.totals(first, last),
    "cost span": lambda costs, _first, _last: [costs.span()],
}
"""What is asked of cost."""

LOOKS: dict[str, Callable[[Looks], object]] = {
    "readable": lambda looks: [looks.read(role) for role in TABLES],
    "mix": lambda looks: looks.mix,
    "history": lambda looks: looks.history,
    "first direct access": lambda looks: looks.first_direct,
    "shown": lambda looks: [looks.shown(role) for role in ("table_lineage", "column_lineage", "query_history")],
    "most read": lambda looks: looks.most_read(),
    "visible schemas": lambda looks: looks.visible_schemas("SYSTEM"),
    # These two each engine answers in its own words.
    "clock": lambda looks: abs(looks.clock() - datetime.now(UTC)) < timedelta(minutes=1),
    "principal": lambda looks: bool(looks.principal()),
}


def _beyond(one: object, other: object) -> object:
    """What one answer has more than the other, where that can be told."""
    return one - other if isinstance(one, Counter) and isinstance(other, Counter) else one


def _looking(look: Callable[[Looks], object], first: date, last: date) -> Ask:
    return lambda source: look(Looks(source, start=first, today=last, tag=TAG))


def _costing(ask: Callable[[CostReader, date, date], object], first: date, last: date) -> Ask:
    return lambda source: ask(CostReader(source), first, last)


def _naming(part: str, first: date, last: date) -> Ask:
    return lambda source: NameReader(source).read(part, first, last)


LISTED = "columns of tables"


def _listing(first: date, last: date) -> Ask:
    def ask(source: SystemTableReader) -> object:
        reader = NameReader(source)
        tables = [row for batch in reader.read("tables", first, last) or () for row in batch.to_pylist()]
        named = sorted({TableName(row["catalog"], row["schema"], row["name"]) for row in tables})
        return reader.columns(named[::10])

    return ask


def _answer(source: SystemTableReader, ask: Ask) -> Answer:
    with _types_told(source) as types:
        found = ask(source)
        if isinstance(found, pa.Table):
            found = iter(found.to_batches())
        if not isinstance(found, Iterator):
            return Answer((found,), types)
        return Answer(Counter(repr(row) for batch in found for row in batch.to_pylist()), types)


@contextmanager
def _types_told(source: SystemTableReader) -> Iterator[list[dict[str, pa.DataType]]]:
    """Notes the types of what the engine answers, result by result; nothing of one without rows."""
    types: list[dict[str, pa.DataType]] = []
    run = source.warehouse.run

    def noted(query, values):
        types.append({})
        for batch in run(query, values):
            if batch.num_rows:
                types[-1] = {field.name: field.type for field in batch.schema}
            yield batch

    source.warehouse.run = noted
    try:
        yield types
    finally:
        del source.warehouse.run
