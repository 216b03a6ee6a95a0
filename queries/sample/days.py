"""One day of an estate: its lineage rows, its statements and its job runs as record batches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from queries.sample.context import ProcessLabels, process_labels, statement_labels
from queries.sample.draws import Draw, Rows, draw
from queries.sample.ends import EndBook
from queries.sample.history import history_rows
from queries.sample.history_columns import StatementTexts, history_batch, statement_texts
from queries.sample.labels import Ints, repeated, rng_of
from queries.sample.lineage import LineageLabels, column_batches, table_batches
from queries.sample.plan import Plan
from queries.sample.timeline import timeline_batch

LATE_DAYS = 3
"""The last days of an estate have rows that come late, in files of their own."""


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day, and what its numbers stand for."""

    draw: Draw
    labels: LineageLabels


@dataclass(frozen=True, slots=True)
class Estate:
    """A plan with everything that is looked up anew on every day and stays the same."""

    plan: Plan
    processes: ProcessLabels
    ends: EndBook
    texts: StatementTexts

    @classmethod
    def of(cls, plan: Plan) -> "Estate":
        return cls(plan, process_labels(plan), EndBook.of(plan.datasets), statement_texts(plan))

    def day(self, number: int, events: int) -> Day:
        """The estate's day of that number (from 0), with about `events` rows of table_lineage."""
        plan = self.plan
        drawn = draw(plan, plan.first_day + timedelta(days=number), events, late=number >= plan.days - LATE_DAYS)
        labels = LineageLabels(
            plan.account_id,
            plan.metastore_id,
            statement_labels(plan, drawn, self.processes),
            self.ends.on(drawn.day),
            plan.columns,
            plan.by_row.direct,
            direct_known=number >= plan.days // 3,
        )
        return Day(drawn, labels)

    def lineage(self, today: Day, yesterday: Day | None, *, late: bool) -> "DayLineage":
        """The day's lineage rows that came in time, with those yesterday's last statements left; or the late ones."""
        day = today.draw.day
        rng = rng_of(self.plan.seed, day.toordinal(), 4 + late)
        parts = [] if late or yesterday is None else [(yesterday.draw, yesterday.labels)]
        rows = []
        for drawn, labels in [*parts, (today.draw, today.labels)]:
            found = drawn.rows_of(day)
            found = found.kept(drawn.statements.late[found.statement] == late) if drawn is today.draw else found
            spelled = replace(
                found, source=self.ends.spelled(found.source, rng), target=self.ends.spelled(found.target, rng)
            )
            rows.append((spelled, replace(labels, direct_known=today.labels.direct_known)))
        return DayLineage(self.plan, tuple(rows), rng)

    def history(self, today: Day, yesterday: Day | None, statements: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The day's statements by start, those reported in time and the late ones."""
        rows = history_rows(self.plan, today.draw, yesterday.draw if yesterday else None, statements)
        batch = history_batch(self.plan, today.draw, rows, self.processes, self.texts)
        return batch.filter(pa.array(~rows.late)), batch.filter(pa.array(rows.late))

    def job_runs(self, today: Day) -> pa.RecordBatch:
        """The day's rows of job_run_timeline."""
        return timeline_batch(self.plan, today.draw, today.labels.statements)


@dataclass(frozen=True, slots=True)
class DayLineage:
    """Lineage rows of one file of each lineage table, ends spelled alike in both."""

    plan: Plan
    parts: tuple[tuple[Rows, LineageLabels], ...]
    rng: np.random.Generator

    def tables(self) -> Iterator[pa.RecordBatch]:
        """Rows of table_lineage."""
        for rows, labels in self.parts:
            kept = rows.kept(self.plan.by_row.in_tables[rows.recipe_row])
            yield from table_batches(kept, labels, self.rng)

    def columns(self) -> Iterator[pa.RecordBatch]:
        """Rows of column_lineage."""
        for rows, labels in self.parts:
            yield from column_batches(rows, labels, self.rng, self._pairs)

    def _pairs(self, rows: Rows) -> tuple[Ints, Ints, Ints]:
        by_row = self.plan.by_row
        counts = by_row.pair_count[rows.recipe_row]
        row, place = repeated(counts)
        pair = by_row.pair_first[rows.recipe_row][row] + place
        return counts, by_row.pair_source[pair], by_row.pair_target[pair]
