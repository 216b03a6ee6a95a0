"""Processes that people read with: dashboards, queries, notebooks, Genie spaces, alerts."""

from dataclasses import replace

from queries.sample.datasets import falls_on
from queries.sample.labels import drawn, zipf
from queries.sample.people import ANALYTICS, FINANCE, SCIENCE
from queries.sample.processes import READER, Compute, Draft, Entity, Family, Process, Recipe, RunId

_TOOLS = ("PowerBI", "Tableau", "DBeaver", "Databricks SQL Editor")


class Taste:
    """What people like to read: a fixed order of the readable tables, with shares falling as 1 / rank."""

    def __init__(self, draft: Draft) -> None:
        self._rng = draft.inventory.rng
        self._order = self._rng.permutation(draft.inventory.groups["taste"])
        self._shares = zipf(len(self._order))
        self._picked: list[int] = []

    def pick(self, count: int) -> list[int]:
        if len(self._picked) < count:
            ranks = drawn(self._shares, self._rng.random(1_000))
            self._picked = [int(number) for number in self._order[ranks]]
        return [self._picked.pop() for _ in range(count)]


def add_readers(draft: Draft, tables: int) -> None:
    """All of them, in numbers that grow with the tables."""
    taste = Taste(draft)
    for position in range(max(5, tables // 25)):
        draft.add(_dashboard(draft, taste, position))
    for position in range(max(2, tables // 100)):
        draft.add(_legacy_dashboard(draft, taste, position))
    for position in range(max(5, tables // 20)):
        draft.add(_saved_query(draft, taste, position))
    for position in range(max(8, tables // 15)):
        draft.add(_ad_hoc(draft, taste, position))
    for position in range(max(10, tables // 6)):
        draft.add(_notebook(draft, taste, position))
    for position in range(max(2, tables // 200)):
        draft.add(_genie_space(draft, position))
        draft.add(_alert(draft, taste, position))
    for target in draft.inventory.groups["dropped"]:
        draft.add(replace(_notebook(draft, taste, 1), recipes=(draft.select(target),), active=(0.0, 0.7)))


def _rank(position: int) -> float:
    return 1.0 / (position + 1)


def _dashboard(draft: Draft, taste: Taste, position: int) -> Process:
    """An AI/BI dashboard of two to five queries; some are saved queries, whose id comes along."""
    dashboard = draft.hex32()
    mixed = [
        draft.select(draft.inventory.one_of("views"), *taste.pick(1))
        if place % 2 == 0
        else draft.select(*taste.pick(2))
        for place in range(1 + draft.several(4))
    ]
    saved = draft.uuid() if falls_on(position, 1, every=3) else None
    return Process(
        Family.DASHBOARD,
        Entity("DASHBOARD_V3", dashboard, RunId.STATEMENT, dashboard_id=dashboard, sql_query_id=saved),
        draft.principals.odd(None) if falls_on(position, 4, every=10) else READER,
        tuple(mixed),
        workspace=FINANCE if falls_on(position, 5, every=6) else ANALYTICS,
        compute=Compute.WAREHOUSE,
        weight=_rank(position),
        client="Databricks SQL Dashboard",
    )


def _legacy_dashboard(draft: Draft, taste: Taste, position: int) -> Process:
    dashboard = draft.uuid()
    return Process(
        Family.LEGACY_DASHBOARD,
        Entity("DBSQL_DASHBOARD", dashboard, RunId.STATEMENT, legacy_dashboard_id=dashboard),
        READER,
        (draft.select(*taste.pick(2)), draft.select(draft.inventory.one_of("views"))),
        workspace=ANALYTICS,
        compute=Compute.WAREHOUSE,
        weight=_rank(position),
        client="Databricks SQL Dashboard",
    )


def _saved_query(draft: Draft, taste: Taste, position: int) -> Process:
    query = draft.uuid()
    return Process(
        Family.QUERY,
        Entity("DBSQL_QUERY", query, RunId.STATEMENT, sql_query_id=query),
        draft.principals.person(position),
        (draft.select(*taste.pick(draft.several(3))),),
        workspace=FINANCE if falls_on(position, 6, every=7) else ANALYTICS,
        compute=Compute.WAREHOUSE,
        weight=_rank(position),
        client="Databricks SQL Editor",
    )


def _ad_hoc(draft: Draft, taste: Taste, position: int) -> Process:
    """Statements from a tool or the editor that belong to nothing; a fifth of them write to the sandbox."""
    sources = taste.pick(draft.several(3))
    writes = falls_on(position, 2, every=5)
    recipe = draft.insert(sources, draft.inventory.one_of("people"), "CREATE") if writes else draft.select(*sources)
    return Process(
        Family.AD_HOC,
        Entity(),
        draft.principals.person(position * 3),
        (recipe,),
        workspace=ANALYTICS,
        compute=Compute.WAREHOUSE,
        weight=_rank(position),
        client=_TOOLS[position % len(_TOOLS)],
    )


def _notebook(draft: Draft, taste: Taste, position: int) -> Process:
    """An analyst's notebook on a shared cluster: it mostly reads; a quarter also writes to the sandbox."""
    notebook = draft.number()
    recipes: list[Recipe] = [draft.select(*taste.pick(draft.several(3))) for _ in range(draft.several(3))]
    if falls_on(position, 1, every=4):
        recipes.append(draft.insert(taste.pick(2), draft.inventory.one_of("people"), "REPLACE"))
    return Process(
        Family.NOTEBOOK,
        Entity("NOTEBOOK", notebook, RunId.COMMAND, notebook_id=notebook),
        draft.principals.person(position),
        tuple(recipes),
        workspace=SCIENCE if position % 2 else ANALYTICS,
        compute=Compute.SERVERLESS if falls_on(position, 5, every=25) else Compute.CLASSIC,
        weight=_rank(position) ** 0.5,
    )


def _genie_space(draft: Draft, position: int) -> Process:
    return Process(
        Family.GENIE,
        Entity(genie_space_id=draft.hex32()),
        READER,
        (draft.select(draft.inventory.one_of("views")), draft.select(draft.inventory.one_of("gold"))),
        workspace=ANALYTICS,
        compute=Compute.WAREHOUSE,
        weight=_rank(position),
        client="Databricks SQL Genie Space",
    )


def _alert(draft: Draft, taste: Taste, position: int) -> Process:
    """An alert: its rows carry a hidden job that system.lakeflow does not know."""
    hidden = draft.number()
    return Process(
        Family.ALERT,
        Entity("JOB", hidden, RunId.JOB_RUN, job_id=hidden, sql_query_id=draft.uuid(), alert_id=draft.uuid()),
        draft.principals.person(position),
        (draft.select(*taste.pick(2)),),
        workspace=ANALYTICS,
        compute=Compute.WAREHOUSE,
        hour=position % 23,
        client="Databricks SQL Alert",
    )
