"""Usage figures on their way into the catalog, in bulk and by qualified name.

Purview and Atlas 2.2 merge the business attributes of entities that are posted in bulk; Atlas 2.1 takes no notice of
those of an entity that it has (seen on 2.1.0), but imports figures as CSV. Which of them a catalog is, is found out by
reading one asset back.
"""

import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from miner.errors import SinkError
from miner.ports import Entity, Rejected
from sinks.purview import payload
from sinks.purview.catalog import Catalog, Key, PresentAsset
from sinks.purview.options import PurviewOptions
from sinks.purview.posting import posted
from sinks.purview.transport import AtlasSession
from sinks.purview.typedefs import usage_figures
from sinks.purview.usage import figures_of, named

log = structlog.get_logger()

_MERGE = {"businessAttributeUpdateBehavior": "merge"}
_COLUMNS = 5
"""Of the import: type, qualified name, attribute, value, and the attribute that identifies."""


class FigureSender:
    """Brings figures to assets that are there; shared by all workers."""

    def __init__(self, session: AtlasSession, catalog: Catalog, options: PurviewOptions) -> None:
        self._session = session
        self._catalog = catalog
        self._group = options.usage_group
        self._names = usage_figures(options.windows).keys()
        self._lock = threading.Lock()
        self._merges: bool | None = None

    def send(self, usage: Sequence[Entity]) -> list[Rejected]:
        """Send the figures of assets; returns those that the catalog lacks or refuses. Raises SinkError.

        An upsert would make an asset of Microsoft's type where none is, so that they are looked up. They keep the name
        they have, and figures no longer known are deleted. That the catalog does not have a column (yet) is no fault.
        """
        assets = self._catalog.assets([_key(entity) for entity in usage])
        present = [entity for entity in usage if _key(entity) in assets]
        absent = [entity for entity in usage if _key(entity) not in assets]
        for entity in present:
            unknown = self._names - figures_of(entity).keys()
            self._catalog.delete_figures(assets[_key(entity)], self._group, unknown)
        rejected = [
            Rejected(one.qualified_name, f"the catalog has no such {one.type_name}", one.kind == payload.COLUMN_USAGE)
            for one in absent
        ]
        return rejected + self._bring(present, assets)

    def differing(self, usage: Sequence[Entity], pool: ThreadPoolExecutor) -> list[Entity]:
        """Those figures that their asset does not show, or shows more of; an asset that is gone shows none."""
        there = self._catalog.assets([_key(entity) for entity in usage], pool)
        return [entity for entity in usage if not self._alike(there.get(_key(entity)), entity)]

    def _alike(self, asset: PresentAsset | None, entity: Entity) -> bool:
        if asset is None or not self._shows(asset, entity):
            return False
        told = {name for name, value in asset.figures.get(self._group, {}).items() if value is not None}
        return not (told & self._names) - figures_of(entity).keys()

    def _bring(self, usage: Sequence[Entity], assets: Mapping[Key, PresentAsset]) -> list[Rejected]:
        if self._merges is None:
            with self._lock:
                if self._merges is None:
                    return self._try_out(usage, assets)
        return self._merged(usage, assets) if self._merges else self._imported(usage, assets)

    def _try_out(self, usage: Sequence[Entity], assets: Mapping[Key, PresentAsset]) -> list[Rejected]:
        """Post in bulk and read an asset back; when its figures did not arrive, import them."""
        refused = self._merged(usage, assets)
        names = {one.qualified_name for one in refused}
        moved = (one for one in usage if one.qualified_name not in names and not self._shows(assets[_key(one)], one))
        witness = next(moved, None)
        if witness is None:
            return refused if len(refused) < len(usage) else self._tried_by_import(usage, assets, refused)
        read = self._catalog.assets([_key(witness)]).get(_key(witness))
        self._merges = read is not None and self._shows(read, witness)
        log.info("figures.tried_out", way="bulk" if self._merges else "import")
        return refused if self._merges else self._imported(usage, assets)

    def _tried_by_import(
        self, usage: Sequence[Entity], assets: Mapping[Key, PresentAsset], refused: list[Rejected]
    ) -> list[Rejected]:
        """Import what was all refused in bulk: a type may demand more of an entity than figures bring."""
        try:
            left = self._imported(usage, assets)
        except SinkError as error:
            log.info("figures.not_imported", error=error.message)
            return refused
        if len(left) == len(usage):
            return refused
        self._merges = False
        log.info("figures.tried_out", way="import")
        return left

    def _shows(self, asset: PresentAsset, entity: Entity) -> bool:
        there = asset.figures.get(self._group, {})
        return all(there.get(name) == value for name, value in figures_of(entity).items())

    def _merged(self, usage: Sequence[Entity], assets: Mapping[Key, PresentAsset]) -> list[Rejected]:
        return posted(self._session, [named(entity, assets[_key(entity)].name) for entity in usage], _MERGE)

    def _imported(self, usage: Sequence[Entity], assets: Mapping[Key, PresentAsset]) -> list[Rejected]:
        """Import figures, one line each; assets that are not told as changed are rejected.

        What failed is told by line or by guid, what was taken by guid.
        """
        lines = [line for entity in usage for line in self._lines(entity)]
        if not lines:
            return []
        answer = self._session.import_figures(self._table(lines), sum(entity.operations for entity in usage))
        taken = {one.get("parentObjectName") for one in answer.get("successImportInfoList") or []}
        words = {str(one.get("remarks")): None for one in answer.get("failedImportInfoList") or []}
        return [
            Rejected(entity.qualified_name, "; ".join(words) or "the import does not tell of it")
            for entity in usage
            if assets[_key(entity)].guid not in taken
        ]

    def _lines(self, entity: Entity) -> Iterator[tuple[str, str, str, str, str]]:
        for name, value in figures_of(entity).items():
            attribute = f"{self._group}.{name}"
            yield entity.type_name, entity.qualified_name, attribute, str(value), "qualifiedName"

    def _table(self, lines: Sequence[Sequence[str]]) -> bytes:
        """The lines below the words that the catalog itself has for the columns; Purview's are not Atlas's."""
        head = next(csv.reader(io.StringIO(self._session.import_template())), [])
        if len(head) != _COLUMNS:
            raise SinkError(
                "the catalog takes usage figures neither in bulk nor by import",
                mend="leave usage out, or use a catalog of Atlas 2.1 or later",
            )
        text = io.StringIO()
        csv.writer(text).writerows([head, *lines])
        return text.getvalue().encode()


def _key(entity: Entity) -> Key:
    return entity.type_name, entity.qualified_name
