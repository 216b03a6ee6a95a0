"""What two engines say to the same question: every row, and the types they give it before the reader casts them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from queries.system_tables import SystemTableReader

Ask = Callable[[SystemTableReader], object]


@dataclass(frozen=True)
class Answer:
    """Rows as a bag, for neither engine promises their order, and the types of their columns by query."""

    rows: Counter[str]
    types: Mapping[frozenset[str], Mapping[str, pa.DataType]]


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


def questions(first: date, last: date, wanted: Sequence[str] = ()) -> dict[str, Ask]:
    """Every query of the reader about a run of days, by name; `usage` asks two of them."""
    return {
        "span": lambda source: [source.span("table_lineage"), source.span("column_lineage")],
        "totals": lambda source: source.totals("column_lineage", first, last),
        "edges": lambda source: source.edges(first, last),
        "column sets": lambda source: source.column_sets(first, last),
        "column sets without content": lambda source: source._column_sets(first, last, "none", ""),
        "contents on demand": lambda source: source.column_contents(first, last, wanted),
        "usage": lambda source: source.usage(first, last),
        "one-time runs": lambda source: source.one_time_runs(first, last),
    }


def _answer(source: SystemTableReader, ask: Ask) -> Answer:
    with _types_told(source) as types:
        found = ask(source)
        batches = found.to_batches() if isinstance(found, pa.Table) else list(found)
    rows = [row for batch in batches for row in (batch.to_pylist() if isinstance(batch, pa.RecordBatch) else [batch])]
    return Answer(Counter(map(repr, rows)), types)


@contextmanager
def _types_told(source: SystemTableReader) -> Iterator[dict[frozenset[str], dict[str, pa.DataType]]]:
    """Notes the types of what the engine answers, by the parameters of the query."""
    types = {}
    run = source.warehouse.run

    def noted(query, values):
        for batch in run(query, values):
            if batch.num_rows:
                types[query.parameters] = {field.name: field.type for field in batch.schema}
            yield batch

    source.warehouse.run = noted
    try:
        yield types
    finally:
        del source.warehouse.run
