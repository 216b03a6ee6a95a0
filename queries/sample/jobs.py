"""Jobs: transformations between layers, loading from landing folders, and runs an outside orchestrator submits."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from queries.sample import paths, words
from queries.sample.datasets import Dataset, falls_on
from queries.sample.people import DEV, FINANCE, GROUP, PROD, SCIENCE
from queries.sample.processes import Compute, Draft, Entity, Family, Process, Recipe, Row, RunId

_READ_FROM = {
    "curated": ("raw", "raw"),
    "gold": ("curated", "views"),
    "finance": ("gold", "curated"),
    "ml": ("curated", "gold"),
}
_WORKSPACE = {"finance": FINANCE, "ml": SCIENCE}


def add_jobs(draft: Draft) -> None:
    """One task for every table that a job makes, one to three tasks a job; nearly all report to the shared sink."""
    for position, targets in enumerate(_handfuls(draft, "tasks")):
        recipes = [_task(draft, target, position * 3 + place) for place, target in enumerate(targets)]
        draft.add(_job(draft, Family.JOB, targets, recipes, position))
    for position, target in enumerate(draft.inventory.groups["dropped"]):
        retired = _job(draft, Family.JOB, [target], [_task(draft, target, position)], position)
        draft.add(replace(retired, active=(0.0, 0.7)))


def add_ingestion(draft: Draft) -> None:
    """Jobs that load raw tables from their landing folders; every sixth leaves checkpoints in lineage."""
    for position, targets in enumerate(_handfuls(draft, "ingested")):
        recipes = [_load(draft, target, position) for target in targets]
        if position % 6 == 0:
            checkpoint = draft.inventory.path(paths.MACHINERY[position // 6 % len(paths.MACHINERY)])
            recipes.append(Recipe((Row(recipes[0].rows[0].source, checkpoint),), "INSERT"))
        draft.add(_job(draft, Family.INGESTION, targets, recipes, position))


def add_one_time_runs(draft: Draft, tables: int) -> None:
    """What Data Factory, Airflow and notebooks start by themselves: every run comes under a job id of its own."""
    for position in range(max(12, tables // 30)):
        target = draft.inventory.one_of("tasks")
        recipe = draft.insert(_sources(draft, target, 2), target)
        notebook = None if position % 3 == 1 else draft.number()
        entity = (
            Entity("JOB", run_id=RunId.JOB_RUN)
            if notebook is None
            else Entity("NOTEBOOK", notebook, RunId.COMMAND, notebook_id=notebook)
        )
        run_name = _run_name(position, draft.inventory.datasets[target])
        run_type = "SUBMIT_RUN" if run_name else "WORKFLOW_RUN"
        draft.add(
            Process(
                Family.ONE_TIME,
                entity,
                draft.principals.service(position % 2),
                (recipe,),
                hour=position % 20,
                run_type=run_type,
                run_name=run_name,
                fresh_job=True,
            )
        )


def _run_name(position: int, target: Dataset) -> str | None:
    """The name the outside scheduler gives a run; runs that notebooks start as workflows have none."""
    table = target.parts[2]
    factory = words.FACTORIES[position % len(words.FACTORIES)]
    return (
        f"ADF_{factory}_pl_load_{table}_nb_transform_{{guid}}",
        f"ADF_{factory}_pl_publish_{table}_run jar_{{guid}}",
        None,
        f"airflow_{words.TEAMS[position % len(words.TEAMS)]}__{table}_{{dashed}}",
    )[position % 4]


def _handfuls(draft: Draft, group: str) -> Iterator[list[int]]:
    members = iter(draft.inventory.groups[group])
    while handful := list(islice(members, draft.several(3))):
        yield handful


def _sources(draft: Draft, target: int, most: int) -> list[int]:
    """What a target is made from: first something of its own subject, then anything of the layers below."""
    dataset = draft.inventory.datasets[target]
    layer = dataset.parts[0] or "curated"
    below = _READ_FROM.get(layer, ("raw", "curated"))
    wanted = [dataset.subject, *(None for _ in range(draft.several(most) - 1))]
    return [draft.inventory.one_of(below[place % 2], subject) for place, subject in enumerate(wanted)]


def _task(draft: Draft, target: int, position: int) -> Recipe:
    sources = _sources(draft, target, 3)
    if falls_on(position, 5, every=8):
        table = draft.inventory.datasets[draft.inventory.one_of("external")]
        forms = paths.spellings(table.path or "")
        sources[0] = draft.inventory.path(forms[position // 8 % len(forms)])
    if position % 3 == 0:
        return draft.merge(sources, target)
    return draft.insert(sources, target, "REPLACE" if position % 7 == 0 else "INSERT")


def _load(draft: Draft, target: int, position: int) -> Recipe:
    folder = draft.inventory.path(paths.landing(draft.inventory.datasets[target].full_name or "", position))
    return draft.insert([folder], target, "COPY")


def _job(
    draft: Draft,
    family: Family,
    targets: Sequence[int],
    recipes: list[Recipe],
    position: int,
) -> Process:
    """A job over its recipes: the job itself is the entity for every third, else the notebook it runs."""
    last = draft.inventory.datasets[targets[-1]]
    layer, _, name = last.parts
    if not falls_on(position, 9, every=10):
        recipes = [*recipes, Recipe((Row(targets[-1], draft.inventory.groups["sink"][0]),), "INSERT")]
    job, notebook = draft.number(), draft.number()
    entity = (
        Entity("JOB", job, RunId.JOB_RUN, job_id=job)
        if position % 3 == 0
        else Entity("NOTEBOOK", notebook, RunId.COMMAND, job_id=job, notebook_id=notebook)
    )
    return Process(
        family,
        entity,
        _runs_as(draft, position),
        tuple(recipes),
        workspace=DEV if falls_on(position, 24, every=25) else _WORKSPACE.get(layer or "", PROD),
        compute=Compute.SERVERLESS if falls_on(position, 7, every=25) else Compute.CLASSIC,
        weight=_cadence(position),
        hour=position * 0.37 % 7,
        active=_lifetime(position),
        name=f"{words.TEAMS[position % len(words.TEAMS)]}_{family.name.lower()}_{name}",
        run_type="JOB_RUN",
    )


def _lifetime(position: int) -> tuple[float, float]:
    """Most jobs live through the estate's days; a few end or begin in between."""
    if falls_on(position, 11, every=20):
        return 0.0, 0.6
    return (0.4, 1.0) if falls_on(position, 16, every=20) else (0.0, 1.0)


def _cadence(position: int) -> float:
    """Runs beside a daily job's: a twelfth run every three hours, a tenth weekly."""
    if falls_on(position, 5, every=12):
        return 8.0
    return 0.2 if falls_on(position, 3, every=10) else 1.0


def _runs_as(draft: Draft, position: int) -> int:
    if falls_on(position, 13, every=30):
        return draft.principals.odd(GROUP)
    if falls_on(position, 2, every=4):
        return draft.principals.person(position)
    return draft.principals.service(position)
