"""Statements of one day as system.query.history has them, lineage or not.

Most statements leave no lineage: look-ups, settings, queries of constants. Some are answered from the result cache
of a statement of the same or the previous day, and leave none either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from queries.sample.draws import CANCELED, FINISHED, Draw, Statements
from queries.sample.labels import DAY, SECOND, Bools, Column, Ints, drawn, rng_of, some, start_of, uuids, zipf
from queries.sample.plan import Plan
from queries.sample.processes import Compute, Family

_CACHED = 0.08
_FROM_YESTERDAY = 0.25

CHORES = (
    ("SELECT", "SELECT current_timestamp()"),
    ("SELECT", "SELECT count(*) FROM VALUES (1), (2)"),
    ("SELECT", "SELECT 1"),
    ("DESCRIBE", "DESCRIBE TABLE EXTENDED gold.sales.fact_orders"),
    ("SHOW", "SHOW TABLES IN curated.sales"),
    ("SHOW", "SHOW CATALOGS"),
    ("SET", "SET TIME ZONE 'UTC'"),
    ("USE", "USE CATALOG gold"),
    ("CREATE", "CREATE SCHEMA IF NOT EXISTS sandbox.growth"),
    ("OPTIMIZE", "OPTIMIZE gold.sales.fact_orders"),
    ("ANALYZE", "ANALYZE TABLE gold.sales.fact_orders COMPUTE STATISTICS"),
    ("EXPLAIN", "EXPLAIN SELECT 1"),
    ("DROP", "DROP TABLE IF EXISTS sandbox.growth.old_draft"),
    ("ALTER", "ALTER TABLE sandbox.growth.draft SET TAGS ('team' = 'growth')"),
    ("GRANT", "GRANT SELECT ON SCHEMA gold.sales TO `analysts`"),
    ("OTHER", "LIST '/Volumes/raw/landing/files'"),
    (None, ""),
)
"""Type and text of statements that leave no lineage."""


@dataclass(frozen=True, slots=True)
class HistoryRows:
    """One entry per statement. `recipe` numbers the plan's recipes and then CHORES.

    `run` is the day's run for statements with lineage, -1 for others; `origin_ids` differ from `ids` where cached.
    """

    process: Ints
    recipe: Ints
    principal: Ints
    run: Ints
    start: Ints
    duration: Ints
    status: Ints
    cached: Bools
    late: Bools
    ids: Column
    origin_ids: Column


def history_rows(plan: Plan, today: Draw, yesterday: Draw | None, rows: int) -> HistoryRows:
    """About `rows` statements: those with lineage rows today, those served from the cache, and everything else."""
    rng = rng_of(plan.seed, today.day.toordinal(), 1)
    lineage = _with_lineage(plan, today)
    cached = _cached(plan, today, yesterday, round(rows * _CACHED), rng)
    rest = max(rows - len(lineage.process) - len(cached.process), 0)
    return _joined([lineage, cached, _chores(plan, today.day, rest, late=bool(today.statements.late.any()), rng=rng)])


def _joined(parts: list[HistoryRows]) -> HistoryRows:
    def numbers(name: str) -> Ints:
        return np.concatenate([getattr(part, name) for part in parts])

    return HistoryRows(
        process=numbers("process"),
        recipe=numbers("recipe"),
        principal=numbers("principal"),
        run=numbers("run"),
        start=numbers("start"),
        duration=numbers("duration"),
        status=numbers("status"),
        cached=numbers("cached") > 0,
        late=numbers("late") > 0,
        ids=pa.concat_arrays([part.ids for part in parts]),
        origin_ids=pa.concat_arrays([part.origin_ids for part in parts]),
    )


def _with_lineage(plan: Plan, draw: Draw) -> HistoryRows:
    """The statements of warehouses and serverless compute: classic compute has no history."""
    statements = draw.statements
    chosen = np.flatnonzero(plan.by_process.compute[statements.process] != Compute.CLASSIC)
    ids = statements.ids.take(pa.array(chosen))
    run = statements.run[chosen]
    return HistoryRows(
        statements.process[chosen],
        statements.recipe[chosen],
        draw.runs.principal[run],
        run,
        statements.start[chosen],
        statements.duration[chosen],
        statements.status[chosen],
        np.zeros(len(chosen), np.bool_),
        statements.late[chosen],
        ids,
        ids,
    )


@dataclass(frozen=True, slots=True)
class _Origins:
    """Statements whose results may be in the cache, yesterday's `old` ones first."""

    process: Ints
    recipe: Ints
    end: Ints
    ids: Column
    old: int


def _cached(plan: Plan, today: Draw, yesterday: Draw | None, count: int, rng: np.random.Generator) -> HistoryRows:
    """Repetitions of finished reads, later the same day or in the first hours of the next."""
    origins = _origins(plan, yesterday, today)
    fresh = len(origins.process) - origins.old
    count = count if fresh else 0
    old = some(_FROM_YESTERDAY if origins.old else 0.0, count, rng)
    chance = rng.random(count)
    pick = np.where(old, chance * origins.old, origins.old + chance * fresh).astype(np.int64)
    end, midnight = origins.end[pick], start_of(today.day)
    early = midnight + rng.random(count) * 6 * 3600 * SECOND
    later = end + rng.random(count) * (midnight + DAY - SECOND - end)
    return HistoryRows(
        origins.process[pick],
        origins.recipe[pick],
        _principals(plan, origins.process[pick], rng),
        np.full(count, -1, np.int64),
        np.where(old, early, later).astype(np.int64),
        rng.integers(20_000, 400_000, count),
        np.full(count, FINISHED, np.int64),
        np.ones(count, np.bool_),
        some(0.02 if today.statements.late.any() else 0.0, count, rng),
        uuids(count, rng),
        origins.ids.take(pa.array(pick)),
    )


def _origins(plan: Plan, yesterday: Draw | None, today: Draw) -> _Origins:
    days = [draw.statements for draw in (yesterday, today) if draw]
    chosen = [_cacheable(plan, statements) for statements in days]

    def both(values: Callable[[Statements], Ints]) -> Ints:
        return np.concatenate([values(day)[which] for day, which in zip(days, chosen, strict=True)])

    return _Origins(
        both(lambda s: s.process),
        both(lambda s: s.recipe),
        both(lambda s: s.start + s.duration),
        pa.concat_arrays([day.ids.take(pa.array(which)) for day, which in zip(days, chosen, strict=True)]),
        len(chosen[0]) if yesterday else 0,
    )


def _cacheable(plan: Plan, statements: Statements) -> Ints:
    """Finished reads on a warehouse: the statements whose results are worth caching."""
    reads = np.array([recipe.type == "SELECT" for recipe in plan.recipes], np.bool_)
    warehouse = plan.by_process.compute[statements.process] == Compute.WAREHOUSE
    useful = plan.by_process.family[statements.process] != Family.MINER
    return np.flatnonzero(reads[statements.recipe] & warehouse & useful & (statements.status == FINISHED))


def _chores(plan: Plan, day: date, count: int, *, late: bool, rng: np.random.Generator) -> HistoryRows:
    """Statements without lineage, sent by whatever uses a warehouse; one in thirty fails."""
    arrays = plan.by_process
    senders = np.flatnonzero((arrays.compute == Compute.WAREHOUSE) & ~arrays.timed & (arrays.family != Family.MINER))
    process = senders[rng.integers(0, len(senders), count)]
    ids = uuids(count, rng)
    seconds = np.clip(rng.normal(12.5, 3.5, count), 0.01, 23.95) * 3600
    return HistoryRows(
        process,
        len(plan.recipes) + drawn(zipf(len(CHORES), 0.7), rng.random(count)),
        _principals(plan, process, rng),
        np.full(count, -1, np.int64),
        start_of(day) + (seconds * SECOND).astype(np.int64),
        (np.minimum(rng.lognormal(-0.5, 1.0, count), 100.0) * SECOND).astype(np.int64),
        np.minimum(np.searchsorted([0.955, 0.985], rng.random(count), side="right"), CANCELED).astype(np.int64),
        np.zeros(count, np.bool_),
        some(0.02 if late else 0.0, count, rng),
        ids,
        ids,
    )


def _principals(plan: Plan, process: Ints, rng: np.random.Generator) -> Ints:
    fixed = plan.by_process.principal[process]
    return np.where(fixed < 0, drawn(zipf(plan.principals.people), rng.random(len(process))), fixed)
