"""What may be set about the entities and the batches they travel in."""

from dataclasses import asdict, dataclass

from sinks.purview import payload
from sinks.purview.assets import COLUMN_TYPES, DATASET_TYPES
from sinks.purview.naming import NOTHING, Context
from sinks.purview.native import Creation

NO_INDEX, SEARCH = "none", "search"
"""What `index` may be."""

SKIP, PLACEHOLDER, CREATE = "skip", "placeholder", "create"
"""What `missing` may be."""

KEEP, SKIP_FOREIGN = "keep", "skip"
"""What `foreign_lineage` may be."""

DELETE, MARK = "delete", "mark"
"""What `removed` may be."""

AUTO, NATIVE, OWN = "auto", "native", "own"
"""What `process_types` may be."""

_OWN_STEM = "uc_miner"

_SENDING = frozenset(
    {"max_entities", "max_bytes", "workers", "operations_per_second", "collection", "process_types", "removed"}
)


@dataclass(frozen=True, slots=True)
class PurviewOptions:
    """Settings of both Purview sinks.

    `naming` is what names of assets depend on beside the dataset.
    `workspace_domain` makes the links to jobs and notebooks; sovereign clouds have their own, '' makes none.
    `windows` are the popularity windows in days that get attributes of their own.
    `max_entities` and `max_bytes` bound one request; Microsoft advises at most 200 entities
    (https://learn.microsoft.com/en-us/answers/questions/5922338).
    `workers` requests travel at once, `operations_per_second` over all of them.
    `columns` tells whether columns get figures too.
    `figures_percent` is by how much a figure must have moved to be sent again. `removed` tells whether entities of our
    own that have nothing to stand for any more are deleted (`delete`), or kept without lineage under a marked name
    (`mark`).
    `collection` is the id of the collection that takes the entities we create; '' is the root collection.
    `index` tells whether datasets without an asset of exactly one of their names are searched among all assets
    (`search`) or not (`none`). `missing` tells whether those without any asset are left out (`skip`), become an entity
    of our own (`placeholder`), or are made as Purview's scan would (`create`), as far as `creation` lets.
    `foreign_lineage` tells whether lineage that a process of somebody else draws already is drawn once more (`keep`) or
    not (`skip`).
    `process_types` tells whether jobs and notebooks become entities of Purview's own types (`native`), of ours (`own`),
    or native where the catalog has them (`auto`); `native` is what came of it.
    `max_attribute_bytes` keeps long attributes below Purview's 32 KB for a value
    (https://learn.microsoft.com/en-us/purview/how-to-manage-quotas); a longer column mapping is carried by up to
    `column_parts` processes, and what these cannot take loses its columns, source by source.
    `statement_text` is how many characters processes tell of the statement that wrote, 0 for none.
    """

    naming: Context = NOTHING
    workspace_domain: str = "azuredatabricks.net"
    windows: tuple[int, ...] = (30,)
    columns: bool = False
    figures_percent: int = 10
    removed: str = DELETE
    max_entities: int = 100
    max_bytes: int = 1_000_000
    workers: int = 6
    operations_per_second: float = 25
    collection: str = ""
    index: str = NO_INDEX
    missing: str = SKIP
    foreign_lineage: str = KEEP
    max_attribute_bytes: int = 32_000
    column_parts: int = 8
    process_types: str = AUTO
    native: bool = False
    creation: Creation | None = None
    process_type: str = "uc_miner_process"
    usage_group: str = "UnityCatalogUsage"
    statement_text: int = 0

    @property
    def runnable_type(self) -> str:
        """The type of what has our processes below it."""
        return f"{self._stem}_runnable"

    @property
    def consumer_type(self) -> str:
        """The type of datasets that stand for those who only read."""
        return f"{self._stem}_consumer"

    @property
    def summary_type(self) -> str:
        """The type of processes that stand for many."""
        return f"{self._stem}_summary"

    @property
    def placeholder_type(self) -> str:
        """The type of datasets that stand for those without an asset."""
        return f"{self._stem}_dataset"

    @property
    def _stem(self) -> str:
        return self.process_type.removesuffix("_process")

    def named(self, name: str, *, native: bool = False) -> str:
        """The name of an entity of ours, marked where its type is not the usual one.

        An entity cannot change its type: under other types the same process needs another name, so that the ledger
        tells them apart and the old entity goes.
        """
        mark = "databricks" if native else self._stem
        return name if mark == _OWN_STEM else f"{name}?{mark}"

    @property
    def dataset_types(self) -> tuple[str, ...]:
        """Every type a dataset may be referenced by, those of the user's rules among them."""
        return tuple(dict.fromkeys((*DATASET_TYPES, *(rule.type_name for rule in self.naming.rules))))

    @property
    def column_types(self) -> tuple[str, ...]:
        """The types of columns that get figures."""
        return tuple(COLUMN_TYPES.values()) if self.columns else ()

    @property
    def names_fingerprint(self) -> str:
        """Differs when datasets may be found under other names, or more is to be known of what is found."""
        foreign = [self.foreign_lineage] if self.foreign_lineage != KEEP else []
        return payload.digest(payload.written([asdict(self.naming), self.index, *foreign]))

    @property
    def fingerprint(self) -> str:
        """Differs when entities built with these options may differ; how they are sent does not count."""
        built = {name: value for name, value in asdict(self).items() if name not in _SENDING}
        if not self.statement_text:
            del built["statement_text"]  # nothing is built another way
        return payload.digest(payload.written(built))


DEFAULT = PurviewOptions()
