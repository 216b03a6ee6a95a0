"""The tables, views and paths of an estate, before anything reads or writes them."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from queries.sample import words

TABLE = "TABLE"
VIEW = "VIEW"
MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
METRIC_VIEW = "METRIC_VIEW"
STREAMING_TABLE = "STREAMING_TABLE"
PATH = "PATH"

_EXTERNAL = "EXTERNAL"

Parts = tuple[str, str, str] | tuple[None, None, None]


def falls_on(position: int, at: int, every: int) -> bool:
    """True for one position in `every`: how traits are spread evenly, whatever the estate's size."""
    return position % every == at


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table or path as lineage rows write it; a table has a full name, a path has none.

    Names and paths may hold the fields {slashed}, {compact}, {dashed}, {stamp} and {guid}, filled in for each day.
    `subject` numbers words.SUBJECTS; the first `width` of its columns are the dataset's. `path` of a table is its
    external storage. `created` counts days from the estate's first day. `bases` are what a view is defined on.
    """

    type: str
    full_name: str | None = None
    path: str | None = None
    subject: int = 0
    width: int = 8
    bases: tuple[int, ...] = ()
    created: int = -400
    listed: bool = True

    @property
    def parts(self) -> Parts:
        """Catalog, schema and name; all None of a path."""
        if self.full_name is None:
            return None, None, None
        catalog, schema, name = self.full_name.split(".")
        return catalog, schema, name


@dataclass(slots=True)
class Inventory:
    """Datasets by number, and numbers by `groups`: medallion layers and sets that processes are made for."""

    rng: np.random.Generator
    datasets: list[Dataset] = field(default_factory=list)
    groups: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _kin: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, dataset: Dataset, *groups: str) -> int:
        self.datasets.append(dataset)
        number = len(self.datasets) - 1
        for group in groups:
            self.groups[group].append(number)
            self._kin[group, dataset.subject].append(number)
        return number

    def path(self, uri: str) -> int:
        """Add a path that is not named as a table."""
        return self.add(Dataset(PATH, path=uri, width=0, listed=False))

    def one_of(self, group: str, subject: int | None = None) -> int:
        """Any member of a group; one of that subject where the group has one."""
        members = (self._kin.get((group, subject)) if subject is not None else None) or self.groups[group]
        return members[int(self.rng.integers(len(members)))]

    def beneath(self, number: int) -> tuple[int, ...]:
        """Everything a view reads through its definition, views on the way included; nothing for a table."""
        found: dict[int, None] = {}
        waiting = list(self.datasets[number].bases)
        while waiting:
            base = waiting.pop(0)
            if base not in found:
                found[base] = None
                waiting.extend(self.datasets[base].bases)
        return tuple(found)


_SHARES = {"raw": 0.34, "curated": 0.30, "gold": 0.20, "finance": 0.06, "ml": 0.04, "sandbox": 0.06}
_KINDS = {
    "raw": (_EXTERNAL, STREAMING_TABLE, TABLE, _EXTERNAL, TABLE, STREAMING_TABLE, TABLE),
    "curated": (TABLE, TABLE, STREAMING_TABLE, TABLE, MATERIALIZED_VIEW, _EXTERNAL, TABLE, TABLE),
    "gold": (TABLE, VIEW, MATERIALIZED_VIEW, VIEW, METRIC_VIEW, TABLE, VIEW, TABLE),
    "finance": (TABLE, VIEW, TABLE, VIEW),
    "ml": (TABLE,),
    "sandbox": (TABLE,),
}
_PREFIXES = {VIEW: "v_", MATERIALIZED_VIEW: "mv_", METRIC_VIEW: "metrics_"}
_DEFINED_ON = {"gold": "curated", "finance": "gold"}


def build(tables: int, days: int, rng: np.random.Generator) -> Inventory:
    """About `tables` listed tables and views in six catalogs, and a few that are named for what is odd about them."""
    inventory = Inventory(rng)
    _add_named_ones(inventory, days)
    rest = tables - sum(dataset.listed for dataset in inventory.datasets)
    for layer, share in _SHARES.items():
        for position in range(max(len(_KINDS[layer]), round(rest * share))):
            _add_to_layer(inventory, layer, position, days)
    return inventory


def _add_named_ones(inventory: Inventory, days: int) -> None:
    for name in ("access.table_lineage", "access.column_lineage", "query.history"):
        inventory.add(Dataset(TABLE, f"system.{name}"), "system", "mined")
    inventory.add(Dataset(TABLE, "system.billing.usage"), "system")
    for name in ("samples.nyctaxi.trips", "samples.tpch.orders", "curated.information_schema.tables"):
        inventory.add(Dataset(TABLE, name), "system")
    inventory.add(Dataset(TABLE, "ops.monitoring.job_audit_log", width=6), "sink")
    german = len(words.SUBJECTS) - 1
    for name in ("kunden_übersicht", "größe"):
        inventory.add(Dataset(TABLE, f"curated.vertrieb.{name}", subject=german), "curated", "tasks")
    inventory.add(Dataset(TABLE, "curated.sales.legacy_orders", listed=False), "dropped")
    inventory.add(Dataset(TABLE, "curated.sales.orders_rebuilt", created=days // 2), "curated", "tasks", "taste")
    storage = words.STORAGE.format(container="landing")
    for twin in ("events", "events_archive"):
        inventory.add(Dataset(TABLE, f"raw.landing.{twin}", f"{storage}/Shared/Events"), "raw", "shared_path")
    for model in ("orders_daily", "customers_current", "revenue", "stock_cover", "churn"):
        inventory.add(Dataset(TABLE, f"gold.dbt_marts.{model}"), "gold", "models", "taste")


def _add_to_layer(inventory: Inventory, layer: str, position: int, days: int) -> None:
    kind = _KINDS[layer][position % len(_KINDS[layer])]
    subject = position % len(words.SUBJECTS)
    full_name = _full_name(layer, kind, position)
    dropped = kind == TABLE and falls_on(position, 23, every=40)
    dataset = Dataset(
        TABLE if kind == _EXTERNAL else kind,
        full_name,
        path=_storage(full_name, position) if kind == _EXTERNAL else None,
        subject=subject,
        width=int(inventory.rng.integers(4, len(words.SUBJECTS[subject].columns) + 1)),
        bases=_bases(inventory, layer, kind, subject),
        created=days // 2 if falls_on(position, 31, every=40) else -int(inventory.rng.integers(30, 900)),
        listed=not dropped,
    )
    inventory.add(dataset, *(("dropped",) if dropped else (layer, *_groups(layer, kind, position))))


def _groups(layer: str, kind: str, position: int) -> tuple[str, ...]:
    """What a new dataset is for: what makes it, and whether people like to read it."""
    by_layer = {"raw": "ingested", "sandbox": "people", "gold": "tasks" if position % 3 else "models"}
    by_kind = {VIEW: "views", METRIC_VIEW: "views", STREAMING_TABLE: "streaming", MATERIALIZED_VIEW: "streaming"}
    maker = by_kind.get(kind) or by_layer.get(layer, "tasks")
    external = ("external",) if kind == _EXTERNAL else ()
    taste = ("taste",) if layer != "raw" or position % 5 == 0 else ()
    return (maker, *external, *taste)


def _full_name(layer: str, kind: str, position: int) -> str:
    """A name no other dataset of the estate has: subject, variant and a counter run through in turn."""
    subject = words.SUBJECTS[position % len(words.SUBJECTS)]
    round_, variants = position // len(words.SUBJECTS), words.VARIANTS[layer]
    counter = round_ // len(variants)
    prefix = _PREFIXES.get(kind, "fact_" if layer == "gold" else "")
    schema = {
        "raw": words.SOURCE_SYSTEM[subject.domain],
        "ml": "feature_store",
        "sandbox": words.TEAMS[position % len(words.TEAMS)],
    }.get(layer, subject.domain)
    suffix = f"{variants[round_ % len(variants)]}_{counter + 1}" if counter else variants[round_ % len(variants)]
    return f"{layer}.{schema}.{prefix}{subject.name}{suffix}"


def _storage(full_name: str, position: int) -> str:
    """The storage of an external table; registered with a trailing slash now and then, as people do."""
    layer, schema, name = full_name.split(".")
    roots = (
        words.STORAGE.format(container=layer),
        "wasbs://legacy@stcontosoold.blob.core.windows.net",
        words.STORAGE.format(container=layer),
        "s3://contoso-lake-eu",
    )
    slash = "/" if falls_on(position, 10, every=11) else ""
    return f"{roots[position % len(roots)]}/{schema.title()}/{name}{slash}"


def _bases(inventory: Inventory, layer: str, kind: str, subject: int) -> tuple[int, ...]:
    """What a view is defined on: one or two datasets of the layer below, and every other time another view."""
    if kind not in (VIEW, METRIC_VIEW):
        return ()
    below = [inventory.one_of(_DEFINED_ON[layer], subject)]
    if kind == VIEW:
        below.append(inventory.one_of("views" if len(inventory.groups["views"]) % 2 else _DEFINED_ON[layer]))
    return tuple(dict.fromkeys(below))
