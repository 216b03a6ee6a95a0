"""What the sink asks of the catalog beside posting entities: definitions, look-ups, deletions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby

from sinks.purview.options import PurviewOptions
from sinks.purview.refusals import RefusedError
from sinks.purview.transport import AtlasSession
from sinks.purview.typedefs import Json, process_type, usage_group, widened

_LOOKED_UP = 25
"""Qualified names asked for in one call: with many more the address would grow too long."""

_NO_SUCH_TYPE = "ATLAS-400-00-014"
"""What Atlas answers when asked for entities of a type that it does not have."""

Key = tuple[str, str]
"""Type and qualified name."""


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

    def define(self, options: PurviewOptions) -> None:
        """Create the miner's types, or add to them what they lack.

        The usage group applies to those types of datasets the catalog has. pyapacheatlas's own update is of no use
        here: it creates groups that exist, which Atlas answers with 409.
        """
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

    def assets(self, keys: Iterable[Key]) -> Mapping[Key, PresentAsset]:
        """Those of the assets that are there."""
        found: dict[Key, PresentAsset] = {}
        for type_name, group in groupby(sorted(keys), key=lambda key: key[0]):
            names = [name for _, name in group]
            for start in range(0, len(names), _LOOKED_UP):
                found |= self._assets(type_name, names[start : start + _LOOKED_UP])
        return found

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

    def _assets(self, type_name: str, qualified_names: list[str]) -> dict[Key, PresentAsset]:
        try:
            answer = self._session.get_entity(
                qualifiedName=qualified_names, typeName=type_name, ignoreRelationships=True, minExtInfo=True
            )
        except RefusedError as refusal:
            if not refusal.absent and refusal.code != _NO_SUCH_TYPE:
                raise
            return {}
        active = [one for one in answer.get("entities") or [] if one.get("status", "ACTIVE") == "ACTIVE"]
        return {(type_name, one["attributes"]["qualifiedName"]): _present(one) for one in active}


def _present(entity: Json) -> PresentAsset:
    return PresentAsset(entity["guid"], entity["attributes"].get("name") or "", entity.get("businessAttributes") or {})
