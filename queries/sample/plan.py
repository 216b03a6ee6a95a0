"""An estate drawn up once and laid out as arrays, so that a day's rows are index arithmetic.

Processes have recipes, recipes have rows, rows have column pairs; each level's children lie side by side,
from `*_first` on, `*_count` of them. Ends are dataset numbers; -1 is NULL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from queries.sample import datasets, people
from queries.sample.datasets import Dataset
from queries.sample.jobs import add_ingestion, add_jobs, add_one_time_runs
from queries.sample.labels import Bools, Floats, Ints, Labels, rng_of, starts, texts, uuids
from queries.sample.oddities import add_oddities
from queries.sample.pairs import column_labels, column_pairs
from queries.sample.people import Principals
from queries.sample.pipelines import add_dbt, add_pipelines
from queries.sample.processes import SHARES, Draft, Process, Recipe, Row
from queries.sample.reading import add_readers

T = TypeVar("T")

_DRAFT, _PAIRS, _ACCOUNT = range(3)
"""Branches of the estate's seed; branches of days have the day's ordinal, far above."""


@dataclass(frozen=True, slots=True)
class ProcessArrays:
    """One entry per process; `table_rows` is what one run leaves in table_lineage."""

    family: Ints
    weight: Floats
    workspace: Ints
    principal: Ints
    compute: Ints
    run_id: Ints
    hour: Floats
    active_from: Floats
    active_until: Floats
    fresh_job: Bools
    timed: Bools
    recipe_first: Ints
    recipe_count: Ints
    table_rows: Ints


@dataclass(frozen=True, slots=True)
class RowArrays:
    """One entry per row of a recipe; the last four are the rows' column pairs (see queries.sample.pairs)."""

    source: Ints
    target: Ints
    direct: Bools
    in_tables: Bools
    pair_first: Ints
    pair_count: Ints
    pair_source: Ints
    pair_target: Ints


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about an estate that does not change from day to day."""

    seed: int
    first_day: date
    days: int
    account_id: str
    metastore_id: str
    principals: Principals
    datasets: tuple[Dataset, ...]
    processes: tuple[Process, ...]
    recipes: tuple[Recipe, ...]
    by_process: ProcessArrays
    row_first: Ints
    row_count: Ints
    by_row: RowArrays
    columns: Labels

    def age(self, day: date) -> float:
        """How far into the estate's days a day is, from 0 on and below 1."""
        return (day - self.first_day).days / self.days


def draw_up(tables: int, days: int, seed: int, first_day: date, metastore_id: str | None) -> Plan:
    """Draw up an estate of about `tables` tables; the same arguments give the same estate."""
    draft = _draft(tables, days, seed)
    account, metastore = texts(uuids(2, rng_of(seed, _ACCOUNT)))
    recipes = tuple(recipe for process in draft.processes for recipe in process.recipes)
    row_count = _ints(recipes, lambda recipe: len(recipe.rows))
    rows = [row for recipe in recipes for row in recipe.rows]
    return Plan(
        seed,
        first_day,
        days,
        account,
        metastore_id or metastore,
        draft.principals,
        tuple(draft.inventory.datasets),
        tuple(draft.processes),
        recipes,
        _process_arrays(draft.processes),
        starts(row_count),
        row_count,
        _row_arrays(rows, draft.inventory.datasets, rng_of(seed, _PAIRS)),
        column_labels(),
    )


def _draft(tables: int, days: int, seed: int) -> Draft:
    rng = rng_of(seed, _DRAFT)
    draft = Draft(datasets.build(tables, days, rng), people.hire(tables, rng))
    add_pipelines(draft)
    add_dbt(draft)
    add_jobs(draft)
    add_ingestion(draft)
    add_one_time_runs(draft, tables)
    add_readers(draft, tables)
    add_oddities(draft)
    return draft


def family_shares() -> Floats:
    """Each family's part of a day's rows, by family number, adding up to 1."""
    shares = np.array([SHARES[family] for family in sorted(SHARES)], np.float64)
    return np.asarray(shares / shares.sum(), np.float64)


def _ints(things: Sequence[T], number: Callable[[T], int]) -> Ints:
    return np.fromiter((number(thing) for thing in things), np.int64, len(things))


def _floats(processes: list[Process], number: Callable[[Process], float]) -> Floats:
    return np.fromiter((number(process) for process in processes), np.float64, len(processes))


def _process_arrays(processes: list[Process]) -> ProcessArrays:
    recipe_count = _ints(processes, lambda p: len(p.recipes))
    return ProcessArrays(
        family=_ints(processes, lambda p: p.family),
        weight=_floats(processes, lambda p: p.weight),
        workspace=_ints(processes, lambda p: p.workspace),
        principal=_ints(processes, lambda p: p.principal),
        compute=_ints(processes, lambda p: p.compute),
        run_id=_ints(processes, lambda p: p.entity.run_id),
        hour=_floats(processes, lambda p: p.hour),
        active_from=_floats(processes, lambda p: p.active[0]),
        active_until=_floats(processes, lambda p: p.active[1]),
        fresh_job=_ints(processes, lambda p: p.fresh_job) > 0,
        timed=_ints(processes, lambda p: p.run_type is not None) > 0,
        recipe_first=starts(recipe_count),
        recipe_count=recipe_count,
        table_rows=_ints(processes, lambda p: sum(row.in_tables for recipe in p.recipes for row in recipe.rows)),
    )


def _row_arrays(rows: list[Row], all_datasets: list[Dataset], rng: np.random.Generator) -> RowArrays:
    source, target = _ints(rows, lambda row: row.source), _ints(rows, lambda row: row.target)
    pairs = column_pairs(source, target, _ints(rows, lambda row: row.columns) > 0, all_datasets, rng)
    return RowArrays(
        source, target, _ints(rows, lambda row: row.direct) > 0, _ints(rows, lambda row: row.in_tables) > 0, *pairs
    )
