"""What happened on one UTC day: runs of processes, the statements they ran, the lineage rows these left.

Instants are microseconds since 1970-01-01 UTC. A day depends on its own seed only, never on another day.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from queries.sample.labels import (
    DAY,
    SECOND,
    Bools,
    Column,
    Floats,
    Ints,
    drawn,
    repeated,
    rng_of,
    some,
    start_of,
    starts,
    uuids,
    zipf,
)
from queries.sample.plan import Plan, family_shares
from queries.sample.processes import Compute, Family

FINISHED, FAILED, CANCELED = range(3)

_LEAST_ROWS = 2.0
"""Rows a family gets even on the smallest of days, so that no kind of process is missing for long."""

_LAST_START = 23 * 3600 + 45 * 60
"""No ordinary statement begins later (seconds of the day) or takes longer than 14 minutes: it ends on its day."""


@dataclass(frozen=True, slots=True)
class Runs:
    """One entry per run of a process; `number` is unique among all days."""

    process: Ints
    start: Ints
    principal: Ints
    number: Ints
    update_ids: Column


@dataclass(frozen=True, slots=True)
class Statements:
    """One entry per statement or command of a run; `ids` are statement ids, meaningless on classic compute."""

    run: Ints
    process: Ints
    recipe: Ints
    start: Ints
    duration: Ints
    status: Ints
    late: Bools
    ids: Column
    event_ids: Column


@dataclass(frozen=True, slots=True)
class Rows:
    """Lineage rows: the statement, the recipe's row, and the dataset numbers of both ends (-1 is NULL)."""

    statement: Ints
    recipe_row: Ints
    source: Ints
    target: Ints
    time: Ints

    def kept(self, which: Bools | Ints) -> "Rows":
        return Rows(
            self.statement[which], self.recipe_row[which], self.source[which], self.target[which], self.time[which]
        )


@dataclass(frozen=True, slots=True)
class Draw:
    """One day's runs, statements and rows; some rows of the last statements fall on the next day."""

    day: date
    runs: Runs
    statements: Statements
    rows: Rows

    def rows_of(self, day: date) -> Rows:
        """The rows whose event falls on `day`: the day drawn, or the one after."""
        return self.rows.kept(self.rows.time // DAY == start_of(day) // DAY)


def draw(plan: Plan, day: date, rows: int, *, late: bool) -> Draw:
    """Draw one day of about `rows` table_lineage rows; with `late`, some statements are marked as reported late."""
    rng = rng_of(plan.seed, day.toordinal(), 0)
    runs = _runs(plan, day, _run_counts(plan, plan.age(day), rows, rng), rng)
    statements = _statements(plan, runs, start_of(day), rng, 0.02 if late else 0.0)
    return Draw(day, runs, statements, _rows(plan, statements))


def _run_counts(plan: Plan, age: float, rows: int, rng: np.random.Generator) -> Ints:
    """Runs by process: expected numbers, rounded by systematic sampling so that totals hold every day."""
    arrays = plan.by_process
    alive = (arrays.active_from <= age) & (age < arrays.active_until)
    weight = np.where(alive, arrays.weight, 0.0)
    shares = np.maximum(family_shares() * rows, _LEAST_ROWS)
    load = np.bincount(arrays.family, weight * np.maximum(arrays.table_rows, 1), minlength=len(shares))
    per_weight = shares / shares.sum() * rows / np.maximum(load, 1e-9)
    marks = np.floor(np.cumsum(weight * per_weight[arrays.family]) + rng.random())
    return np.diff(marks, prepend=0.0).astype(np.int64)


def _runs(plan: Plan, day: date, counts: Ints, rng: np.random.Generator) -> Runs:
    process, place = repeated(counts)
    readers = drawn(zipf(plan.principals.people), rng.random(len(process)))
    fixed = plan.by_process.principal[process]
    seconds = _start_seconds(plan.by_process.hour[process], place / counts[process], rng)
    return Runs(
        process,
        start_of(day) + (seconds * SECOND).astype(np.int64),
        np.where(fixed < 0, readers, fixed),
        day.toordinal() * 100_000_000 + np.arange(len(process), dtype=np.int64) * 11,
        uuids(len(process), rng),
    )


def _start_seconds(hour: Floats, turn: Floats, rng: np.random.Generator) -> Floats:
    """Scheduled runs spread evenly from their hour on, those of people around noon, night work just before midnight."""
    at_noon = rng.normal(11.5, 3.0, len(hour)) % 24
    spread = np.where(hour < 0, at_noon, (hour + 24 * turn + rng.random(len(hour)) * 0.4) % 24)
    at_night = 23.6 + rng.random(len(hour)) * 0.3
    return np.asarray(np.where(hour > _LAST_START / 3600 - 0.25, at_night, spread) * 3600, np.float64)


def _statements(plan: Plan, runs: Runs, midnight: int, rng: np.random.Generator, late: float) -> Statements:
    counts = plan.by_process.recipe_count[runs.process]
    run, place = repeated(counts)
    process = runs.process[run]
    size = len(run)
    night = plan.by_process.family[process] == Family.NIGHT
    start = runs.start[run] + place * rng.integers(5 * SECOND, 90 * SECOND, size)
    start = np.where(night, start, np.minimum(start, midnight + _LAST_START * SECOND - rng.integers(0, SECOND, size)))
    classic = plan.by_process.compute[process] == Compute.CLASSIC
    seconds = np.minimum(rng.lognormal(np.where(classic, 3.5, 1.5), 1.0), 840.0)
    long = rng.integers(40 * 60 * SECOND, 90 * 60 * SECOND, size)
    return Statements(
        run,
        process,
        plan.by_process.recipe_first[process] + place,
        start,
        np.where(night, long, (seconds * SECOND).astype(np.int64)),
        np.searchsorted([0.965, 0.988], rng.random(size), side="right").astype(np.int64),
        _late(late, size, rng),
        uuids(size, rng),
        uuids(size, rng),
    )


def _late(share: float, size: int, rng: np.random.Generator) -> Bools:
    """A few statements, and always one when there are to be any."""
    marked = some(share, size, rng)
    if share and size:
        marked[int(rng.integers(size))] = True
    return marked


def _rows(plan: Plan, statements: Statements) -> Rows:
    """Every row of every statement, its event time spread over the time the statement took."""
    counts = plan.row_count[statements.recipe]
    statement, place = repeated(counts)
    row = plan.row_first[statements.recipe][statement] + place
    passed = statements.duration[statement] * (place + 1) // counts[statement]
    return Rows(statement, row, plan.by_row.source[row], plan.by_row.target[row], statements.start[statement] + passed)


def run_ends(statements: Statements, runs: int) -> Ints:
    """When each run's last statement ended; every run has statements, and they lie side by side."""
    ends = statements.start + statements.duration
    counts = np.bincount(statements.run, minlength=runs).astype(np.int64)
    return np.maximum.reduceat(ends, starts(counts)).astype(np.int64)
