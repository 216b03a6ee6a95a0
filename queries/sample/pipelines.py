"""Declarative pipelines with their internal tables, and dbt projects with their temporary relations."""

from itertools import groupby

from queries.sample import paths
from queries.sample.datasets import STREAMING_TABLE, TABLE, Dataset, falls_on
from queries.sample.people import ANALYTICS, PROD, SYSTEM_USER
from queries.sample.processes import Compute, Draft, Entity, Family, Process, Recipe, Row, RunId, tagged

_OUTPUTS = 8
_MODELS = 6


def add_pipelines(draft: Draft) -> None:
    """Pipelines of up to eight streaming tables and materialized views, all of one catalog."""
    datasets = draft.inventory.datasets
    by_catalog = groupby(draft.inventory.groups["streaming"], lambda number: datasets[number].parts[0])
    batches = [
        members[first : first + _OUTPUTS]
        for members in (list(group) for _, group in by_catalog)
        for first in range(0, len(members), _OUTPUTS)
    ]
    for position, outputs in enumerate(batches):
        draft.add(_pipeline(draft, outputs, position))


def _pipeline(draft: Draft, outputs: list[int], position: int) -> Process:
    pipeline = draft.uuid()
    job = draft.number() if falls_on(position, 1, every=4) else None
    first = draft.inventory.datasets[outputs[0]]
    catalog, schema, name = first.parts
    log = draft.inventory.add(
        Dataset(TABLE, f"{catalog}.{schema}.event_log_{pipeline.replace('-', '_')}", listed=False), "event_logs"
    )
    recipes = [_refresh(draft, output, pipeline, position + place) for place, output in enumerate(outputs)]
    services = draft.principals.service(position)
    return Process(
        Family.PIPELINE,
        Entity(
            "PIPELINE",
            pipeline,
            RunId.UPDATE,
            job_id=job,
            pipeline_id=pipeline,
        ),
        draft.principals.odd(SYSTEM_USER) if falls_on(position, 1, every=3) else services,
        (*recipes, Recipe((Row(-1, log),), "INSERT")),
        compute=Compute.SERVERLESS if falls_on(position, 2, every=20) else Compute.CLASSIC,
        hour=position * 0.61 % 24 % 22,
        name=f"{catalog}_{name}_pipeline",
        run_type="JOB_RUN" if job else None,
    )


def _refresh(draft: Draft, output: int, pipeline: str, position: int) -> Recipe:
    """One output's refresh: a streaming table may read itself, a materialized view goes through an internal table."""
    inventory = draft.inventory
    dataset = inventory.datasets[output]
    catalog = dataset.parts[0]
    if dataset.type != STREAMING_TABLE:
        source = inventory.one_of("curated" if catalog == "gold" else "raw", dataset.subject)
        inner = inventory.add(_materialization(dataset, pipeline, position))
        return Recipe((*draft.reads([source], inner), *draft.reads([inner], output)), "REFRESH")
    if catalog == "raw":
        source = inventory.path(paths.landing(dataset.full_name or "", position))
    else:
        source = inventory.one_of("raw", dataset.subject)
    itself = (Row(output, output),) if position % 2 else ()
    return Recipe((*draft.reads([source], output), *itself), "REFRESH")


def _materialization(dataset: Dataset, pipeline: str, position: int) -> Dataset:
    """The table behind a materialized view: in the user's own schema, in one of its own, or in an internal catalog."""
    catalog, schema, name = dataset.parts
    flat = pipeline.replace("-", "_")
    place = (
        f"{catalog}.{schema}",
        f"{catalog}.__dlt_materialization_schema_{flat}",
        f"__databricks_internal.__dlt_materialization_schema_{flat}",
    )[position % 3]
    full_name = f"{place}.__materialization_mat_{flat}_{name}_1"
    return Dataset(TABLE, full_name, subject=dataset.subject, width=dataset.width, listed=False)


def add_dbt(draft: Draft) -> None:
    """Projects of up to six models, started by a job or from dbt Cloud, and one run for a pull request."""
    models = draft.inventory.groups["models"]
    for position, first in enumerate(range(0, len(models), _MODELS)):
        chosen = models[first : first + _MODELS]
        recipes = [recipe for place, model in enumerate(chosen) for recipe in _model(draft, model, place)]
        draft.add(_project(draft, recipes, position))
    draft.add(_project(draft, [_pull_request(draft, model) for model in models[:3]], 1))


def _project(draft: Draft, recipes: list[Recipe], position: int) -> Process:
    job = None if position % 2 else draft.number()
    return Process(
        Family.DBT,
        Entity("JOB", job, RunId.JOB_RUN, job_id=job) if job else Entity(),
        draft.principals.service(1),
        tuple(recipes),
        workspace=PROD if job else ANALYTICS,
        compute=Compute.WAREHOUSE,
        hour=8.5,
        name=f"dbt_marts_{position}" if job else None,
        client="dbt",
        run_type="JOB_RUN" if job else None,
    )


def _model(draft: Draft, model: int, place: int) -> list[Recipe]:
    """A model's statements, by materialization; a staged one is renamed, which lineage does not see."""
    dataset = draft.inventory.datasets[model]
    sources = [draft.inventory.one_of("curated", dataset.subject), draft.inventory.one_of("curated")]
    kind = ("incremental", "table", "incremental", "staged", "python")[place % 5]
    if kind == "incremental":
        tmp = _relation(draft, dataset, "__dbt_tmp_{stamp}")
        statements = [draft.insert(sources, tmp, "CREATE"), draft.merge([tmp], model)]
    elif kind == "table":
        statements = [draft.insert(sources, model, "REPLACE")]
    elif kind == "staged":
        backup = draft.insert([model], _relation(draft, dataset, "__dbt_backup"), "CREATE")
        statements = [backup, draft.insert(sources, _relation(draft, dataset, "__dbt_stg"), "CREATE")]
    else:
        tmp = _relation(draft, dataset, "__dbt_tmp")
        statements = [draft.insert(sources, tmp, "CREATE"), draft.insert([tmp], model)]
    name = dataset.parts[2] or ""
    return [tagged(recipe, dbt_model_name=name, dbt_materialized=kind) for recipe in statements]


def _relation(draft: Draft, model: Dataset, suffix: str) -> int:
    full_name = f"{model.full_name}{suffix}"
    return draft.inventory.add(Dataset(TABLE, full_name, subject=model.subject, width=model.width, listed=False))


def _pull_request(draft: Draft, model: int) -> Recipe:
    """A model built into the schema dbt Cloud makes for one pull request."""
    dataset = draft.inventory.datasets[model]
    name = dataset.parts[2] or ""
    copy = draft.inventory.add(
        Dataset(
            TABLE, f"curated.dbt_cloud_pr_4711_82.{name}", subject=dataset.subject, width=dataset.width, listed=False
        )
    )
    source = draft.inventory.one_of("curated", dataset.subject)
    return tagged(draft.insert([source], copy, "CREATE"), dbt_model_name=name, dbt_materialized="table")
