"""What the sink asks of the catalog beside posting entities: definitions, look-ups, deletions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from urllib.parse import quote_plus

from sinks.purview.options import PurviewOptions
from sinks.purview.refusals import RefusedError
from sinks.purview.transport import AtlasSession
from sinks.purview.typedefs import Json, process_type, usage_group, widened

_LOOKED_UP = 25
"""Qualified names asked for in one call: with many more the address would grow too long."""

_LONGEST = 7_000
"""Bytes of the names in one call: servers commonly take 8 KB for address and headers together."""

_NO_SUCH_TYPE = "ATLAS-400-00-014"
"""What Atlas answers when asked for entities of a type that it does not have."""

Key = tuple[str, str]
"""Type and qualified name."""

Group = tuple[str, list[str]]
"""A type and the qualified names asked for in one call."""


@dataclass(frozen=True, slots=True)
class PresentAsset:
    """An asset that is in the catalog; `figures` are the business attributes it has, by group and name."""

    guid: str
    name: str
    figures: Mapping[str, Mapping[str, object]]


class Catalog:
    """Definitions, look-ups and deletions in one catalog."""

    def __init__(self, session: AtlasSession) -> None:
        self._session = session
        self._no_types: set[str] = set()

    def define(self, options: PurviewOptions) -> None:
        """Create the miner's types, or add to them what they lack.

        The usage group applies to those types of datasets the catalog has. pyapacheatlas's own update is of no use
        here: it creates groups that exist, which Atlas answers with 409.
        """
        self._no_types.clear()
        there = self._session.entity_types()
        self._ensure("entityDefs", process_type(options))
        dataset_types = [name for name in options.dataset_types if name in there]
        if dataset_types:
            self._ensure("businessMetadataDefs", usage_group(options, dataset_types))

    def wanting(self, options: PurviewOptions) -> list[str]:
        """The names of the miner's types that `define` would create or widen. Nothing is changed."""
        there = self._session.entity_types()
        dataset_types = [name for name in options.dataset_types if name in there]
        wanted = [process_type(options), *([usage_group(options, dataset_types)] if dataset_types else [])]
        present = {one["name"]: self._definition(one["name"]) for one in wanted}
        return [one["name"] for one in wanted if (known := present[one["name"]]) is None or widened(known, one)]

    def assets(self, keys: Iterable[Key], pool: ThreadPoolExecutor | None = None) -> Mapping[Key, PresentAsset]:
        """Those of the assets that are there; a pool asks for several groups of names at once."""
        found: dict[Key, PresentAsset] = {}
        for some in (pool.map if pool else map)(self._assets, _groups(keys)):
            found |= some
        return found

    @property
    def searches(self) -> bool:
        """Whether all assets can be read, page by page."""
        return self._session.searches

    def pages(self, type_names: Sequence[str]) -> Iterator[list[Key]]:
        """All assets of some types, those of one type after those of another."""
        there = self._session.entity_types()
        for type_name in type_names:
            if type_name in there:
                yield from self._session.pages(type_name)

    def delete_figures(self, asset: PresentAsset, group: str, figures: Iterable[str]) -> None:
        """Take single business attributes of one group away from an asset; nothing happens when it has none of them."""
        gone = asset.figures.get(group, {}).keys() & frozenset(figures)
        if gone:
            self._session.delete_businessMetadata(asset.guid, {group: dict.fromkeys(sorted(gone), "")})

    def delete(self, type_name: str, qualified_name: str) -> None:
        """Delete one entity; nothing happens when it is gone already."""
        try:
            self._session.delete_entity(qualifiedName=qualified_name, typeName=type_name)
        except RefusedError as refusal:
            if not refusal.absent:
                raise

    def _ensure(self, category: str, wanted: Json) -> None:
        present = self._definition(wanted["name"]) or self._created(category, wanted)
        wider = widened(present, wanted)
        if wider:
            self._session.put_typedefs({category: [wider]})

    def _created(self, category: str, wanted: Json) -> Json:
        try:
            self._session.upload_typedefs({category: [wanted]})
        except RefusedError as refusal:
            if refusal.status != HTTPStatus.CONFLICT:
                raise
            # Another miner was faster, or the answer to an earlier try was lost.
            return self._definition(wanted["name"]) or wanted
        return wanted

    def _definition(self, name: str) -> Json | None:
        try:
            definition: Json = self._session.get_typedef(name=name)
        except RefusedError as refusal:
            if not refusal.absent:
                raise
            return None
        return definition

    def _assets(self, group: Group) -> dict[Key, PresentAsset]:
        type_name, qualified_names = group
        if type_name in self._no_types:
            return {}
        try:
            answer = self._session.get_entity(
                qualifiedName=qualified_names, typeName=type_name, ignoreRelationships=True, minExtInfo=True
            )
        except RefusedError as refusal:
            if not refusal.absent and refusal.code != _NO_SUCH_TYPE:
                raise
            if refusal.code == _NO_SUCH_TYPE:
                self._no_types.add(type_name)
            return {}
        active = [one for one in answer.get("entities") or [] if one.get("status", "ACTIVE") == "ACTIVE"]
        return {(type_name, one["attributes"]["qualifiedName"]): _present(one) for one in active}


def _present(entity: Json) -> PresentAsset:
    return PresentAsset(entity["guid"], entity["attributes"].get("name") or "", entity.get("businessAttributes") or {})


def _groups(keys: Iterable[Key]) -> Iterator[Group]:
    """The names by type, as many in a group as one call takes."""
    for type_name, group in groupby(sorted(keys), key=lambda key: key[0]):
        some: list[str] = []
        size = 0
        for _, name in group:
            length = len(quote_plus(name))
            if length > _LONGEST:
                continue
            if some and (len(some) == _LOOKED_UP or size + length > _LONGEST):
                yield type_name, some
                some, size = [], 0
            some.append(name)
            size += length
        if some:
            yield type_name, some
