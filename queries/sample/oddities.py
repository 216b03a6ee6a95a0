"""What makes real lineage hard: paths of every spelling, writes from nowhere, odd principals, missing edges."""

from itertools import cycle

from queries.sample import paths
from queries.sample.datasets import METRIC_VIEW, Dataset
from queries.sample.people import ANALYTICS, GROUP, MINER, PROD, REDACTED, SCIENCE, SYSTEM_USER
from queries.sample.processes import Compute, Draft, Entity, Family, Process, Recipe, Row, RunId


def add_oddities(draft: Draft) -> None:
    """A handful of processes each, whatever the estate's size."""
    _add_paths(draft)
    _add_system_reads(draft)
    _add_writes_from_nowhere(draft)
    _add_night_work(draft)
    _add_odd_rows(draft)
    _add_odd_principals(draft)


def _notebook(draft: Draft, family: Family, *recipes: Recipe, principal: int | None = None) -> Process:
    notebook = draft.number()
    return Process(
        family,
        Entity("NOTEBOOK", notebook, RunId.COMMAND, notebook_id=notebook),
        draft.principals.person(len(draft.processes)) if principal is None else principal,
        recipes,
        workspace=SCIENCE,
    )


def _statement(family: Family, recipe: Recipe, principal: int) -> Process:
    return Process(
        family,
        Entity(),
        principal,
        (recipe,),
        workspace=ANALYTICS,
        compute=Compute.WAREHOUSE,
        client="Databricks SQL Connector for Python",
    )


def _add_paths(draft: Draft) -> None:
    """Reads of external tables by path, in every spelling; and paths that are no table's, from and to each other."""
    inventory = draft.inventory
    registered = [inventory.groups["shared_path"][0], *inventory.groups["external"][:3]]
    for number in registered:
        for spelling in paths.spellings(inventory.datasets[number].path or ""):
            target = -1 if len(draft.processes) % 2 else inventory.one_of("people")
            draft.add(_notebook(draft, Family.PATH, draft.insert([inventory.path(spelling)], target)))
    loose = [inventory.path(uri) for uri in paths.LOOSE]
    for position, source in enumerate(loose):
        target = (-1, loose[position - 1], inventory.one_of("people"))[position % 3]
        draft.add(_notebook(draft, Family.PATH, draft.insert([source], target)))
    for uri, source in zip(paths.MACHINERY, cycle(loose), strict=False):
        draft.add(_notebook(draft, Family.PATH, draft.insert([source], inventory.path(uri))))
    for gold in inventory.groups["gold"][:3]:
        folder = inventory.path(paths.export(inventory.datasets[gold].full_name or ""))
        draft.add(_notebook(draft, Family.PATH, draft.insert([gold], folder)))


def _add_system_reads(draft: Draft) -> None:
    """The miner's own reads, and people who look into system tables and samples; a model endpoint reads features."""
    miner = draft.principals.odd(MINER)
    for table in draft.inventory.groups["mined"]:
        draft.add(_statement(Family.MINER, draft.select(table), miner))
    for position, table in enumerate(draft.inventory.groups["system"]):
        principal = draft.principals.person(position)
        draft.add(_statement(Family.SYSTEM, draft.select(table), principal))
    endpoint = Entity("MODEL_SERVING", draft.uuid())
    features = draft.select(draft.inventory.one_of("ml"))
    draft.add(Process(Family.SERVING, endpoint, draft.principals.service(2), (features,)))


def _add_writes_from_nowhere(draft: Draft) -> None:
    """INSERT … VALUES, TRUNCATE and DELETE: a target without a source."""
    for position, kind in enumerate(("INSERT", "TRUNCATE", "DELETE", "UPDATE")):
        recipe = Recipe((Row(-1, draft.inventory.one_of("people")),), kind)
        principal = draft.principals.person(position)
        if position:
            draft.add(_notebook(draft, Family.WRITE_ONLY, recipe, principal=principal))
        else:
            draft.add(_statement(Family.WRITE_ONLY, recipe, principal))


def _add_night_work(draft: Draft) -> None:
    """Statements that begin before midnight and end after it, with rows of the same tables on both days."""
    for position in range(3):
        target = draft.inventory.one_of("tasks")
        sources = [draft.inventory.one_of("curated"), draft.inventory.one_of("raw")]
        rows = draft.reads(sources, target) * 4
        job = draft.number()
        draft.add(
            Process(
                Family.NIGHT,
                Entity("JOB", job, RunId.JOB_RUN, job_id=job),
                draft.principals.service(position),
                (Recipe(rows, "INSERT"),),
                workspace=PROD,
                compute=Compute.WAREHOUSE,
                hour=23.7,
                name=f"platform_nightly_rebuild_{position}",
                run_type="JOB_RUN",
            )
        )


def _add_odd_rows(draft: Draft) -> None:
    """Column rows without their table row, table rows without columns, a metric view of one query, a read event log."""
    inventory = draft.inventory
    first, second = inventory.one_of("curated"), inventory.one_of("gold")
    target = inventory.one_of("people")
    unseen = (Row(inventory.one_of(layer), target, in_tables=False) for layer in ("raw", "gold", "finance"))
    orphan = Recipe((Row(first, target), *unseen), "INSERT")
    bare = Recipe((Row(first, target, columns=False),), "INSERT")
    passing = inventory.add(Dataset(METRIC_VIEW, "gold.sales.temp_metric_view_3f2a9c", bases=(second,), listed=False))
    logs = inventory.groups["event_logs"]
    for recipe in (orphan, bare, draft.select(passing), *(draft.select(log) for log in logs[:1])):
        draft.add(_notebook(draft, Family.ODD, recipe))


def _add_odd_principals(draft: Draft) -> None:
    for name in (GROUP, SYSTEM_USER, REDACTED, None):
        recipe = draft.select(draft.inventory.one_of("gold"))
        draft.add(_notebook(draft, Family.ODD, recipe, principal=draft.principals.odd(name)))
