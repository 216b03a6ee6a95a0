"""What the sink asks of the catalog beside posting entities: definitions, look-ups, deletions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from itertools import groupby
from urllib.parse import quote_plus

import structlog

from miner.errors import SinkError
from sinks.purview import foreign
from sinks.purview.creating import creation
from sinks.purview.native import Creation, Look, misfit
from sinks.purview.options import NATIVE, OWN, PurviewOptions
from sinks.purview.ownership import refuse_microsofts
from sinks.purview.refusals import RefusedError
from sinks.purview.spelling import column_names
from sinks.purview.transport import AtlasSession
from sinks.purview.typedefs import Json, entity_types, relationship_type, usage_group, widened

log = structlog.get_logger()

_TYPES_MEND = (
    "definitions belong to the whole account: give the identity the role Data Curator on the root collection (on a "
    "plain Atlas the privilege to create and update types), or let somebody who has it post the definitions once, "
    'which sink = "files" writes to typedefs.json'
)

_LOOKED_UP = 25
"""Qualified names asked for in one call: with many more the address would grow too long."""

_READ = 50
"""Guids asked for in one call."""

_LONGEST = 7_000
"""Bytes of the names in one call: servers commonly take 8 KB for address and headers together."""

_NO_SUCH_TYPE = "ATLAS-400-00-014"
"""What Atlas answers when asked for entities of a type that it does not have."""

_WITH_COLUMNS = ("_table", "_view", "_collection")
"""How the types end whose assets have columns; of all others relationships, of which there may be many, stay away."""

Key = tuple[str, str]
"""Type and qualified name."""

Group = tuple[str, list[str]]
"""A type and the qualified names asked for in one call."""


@dataclass(frozen=True, slots=True)
class PresentAsset:
    """An asset that is in the catalog.

    `figures` are the business attributes it has, by group and name, `labels` its custom attributes, `columns` the names
    of its columns where they were asked for and it told of some; `makers` the guids of processes that write it, where
    relationships were asked for.
    """

    guid: str
    name: str
    figures: Mapping[str, Mapping[str, object]]
    labels: Mapping[str, str]
    columns: Sequence[str] | None = None
    makers: Sequence[str] = ()


class Catalog:
    """Definitions, look-ups and deletions in one catalog."""

    def __init__(self, session: AtlasSession) -> None:
        self._session = session
        self._no_types: set[str] = set()

    def native_types(self, choice: str) -> bool:
        """Whether jobs and notebooks become entities of Purview's own types.

        `choice` is `own`, `native`, or `auto`: native where the catalog has these types as we need them. Raises
        SinkError when they must be native and cannot.
        """
        if choice == OWN:
            return False
        look = self._looker()
        reason = misfit(look)
        if reason and choice == NATIVE:
            raise SinkError(
                f"Purview's own types for jobs and notebooks cannot be used: {reason}",
                mend='set process_types = "auto" or "own" under [purview]: the miner never defines databricks_* types',
            )
        log.info("process_types.chosen", native=not reason, reason=reason)
        return not reason

    def creation(self) -> Creation:
        """What the definitions of tables, and of what they consist of, let us create."""
        return creation(self._looker())

    def define(self, options: PurviewOptions) -> None:
        """Create the miner's types, or add to them what they lack.

        The usage group applies to those types of datasets the catalog has. pyapacheatlas's own update is of no use
        here: it creates groups that exist, which Atlas answers with 409.
        """
        self._no_types.clear()
        for category, wanted in self._wanted(options):
            self._ensure(category, wanted)

    def wanting(self, options: PurviewOptions) -> list[str]:
        """The names of the miner's types that `define` would create or widen. Nothing is changed."""
        wanted = [one for _, one in self._wanted(options)]
        present = {one["name"]: self._definition(one["name"]) for one in wanted}
        return [one["name"] for one in wanted if (known := present[one["name"]]) is None or widened(known, one)]

    def _wanted(self, options: PurviewOptions) -> Iterator[tuple[str, Json]]:
        """The definitions by category, each after those it refers to."""
        there = self._session.entity_types()
        yield from (("entityDefs", one) for one in entity_types(options))
        yield "relationshipDefs", relationship_type(options)
        if any(name in there for name in options.dataset_types):
            yield "businessMetadataDefs", usage_group(options, there)

    def _looker(self) -> Look:
        """Gives definitions by name, each asked for once, and only those that the catalog lists."""
        there = self._session.entity_types()
        return cache(lambda name: self._definition(name) if name in there else None)

    def assets(
        self,
        keys: Iterable[Key],
        pool: ThreadPoolExecutor | None = None,
        *,
        columns: bool = False,
        makers: bool = False,
    ) -> Mapping[Key, PresentAsset]:
        """Those of the assets that are there, on request with their columns, and with what writes them.

        A pool asks for several groups of names at once.
        """
        found: dict[Key, PresentAsset] = {}
        ask = partial(self._assets, columns=columns, makers=makers)
        for some in (pool.map if pool else map)(ask, _groups(keys)):
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

    def update(self, type_name: str, qualified_name: str, attributes: Json) -> None:
        """Change some attributes of an entity that is there; the others stay."""
        self._session.put_attributes(type_name, qualified_name, attributes)

    def entities(self, keys: Iterable[Key], pool: ThreadPoolExecutor | None = None) -> Mapping[Key, Json]:
        """Those of the entities that are there, with all that the catalog tells of them."""
        found: dict[Key, Json] = {}
        for some in (pool.map if pool else map)(self._whole, _groups(keys)):
            found |= some
        return found

    def delete(self, type_name: str, qualified_name: str) -> None:
        """Delete one entity; nothing happens when it is gone already."""
        try:
            self._session.delete_entity(qualifiedName=qualified_name, typeName=type_name)
        except RefusedError as refusal:
            if not refusal.absent:
                raise

    def _ensure(self, category: str, wanted: Json) -> None:
        refuse_microsofts(wanted["name"])
        try:
            present = self._definition(wanted["name"]) or self._created(category, wanted)
            if wider := widened(present, wanted):
                self._session.put_typedefs({category: [wider]})
        except RefusedError as refusal:
            if refusal.status != HTTPStatus.FORBIDDEN:
                raise
            raise SinkError(
                f"the identity may not define the type {wanted['name']}: {refusal.words or refusal}", mend=_TYPES_MEND
            ) from refusal

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

    def of_guids(self, guids: Sequence[str], *, related: bool) -> Iterator[Json]:
        """Entities by their guids, on request with what they are related to; those that are gone are left out."""
        for start in range(0, len(guids), _READ):
            try:
                answer = self._session.get_entity(
                    guid=list(guids[start : start + _READ]), ignoreRelationships=not related, minExtInfo=True
                )
            except RefusedError as refusal:
                if not refusal.absent:
                    raise
                continue
            yield from answer.get("entities") or []

    def _assets(self, group: Group, *, columns: bool, makers: bool) -> dict[Key, PresentAsset]:
        related = makers or (columns and group[0].endswith(_WITH_COLUMNS))
        entities, referred = self._read(group, whole=related)
        return {key: _present(one, referred) for key, one in entities.items()}

    def _whole(self, group: Group) -> dict[Key, Json]:
        return self._read(group, whole=True)[0]

    def _read(self, group: Group, *, whole: bool) -> tuple[dict[Key, Json], Json]:
        """Entities that are there, and what they refer to; what they are related to only when they are wanted whole."""
        type_name, qualified_names = group
        if type_name in self._no_types:
            return {}, {}
        try:
            answer = self._session.get_entity(
                qualifiedName=qualified_names, typeName=type_name, ignoreRelationships=not whole, minExtInfo=True
            )
        except RefusedError as refusal:
            if not refusal.absent and refusal.code != _NO_SUCH_TYPE:
                raise
            if refusal.code == _NO_SUCH_TYPE:
                self._no_types.add(type_name)
            return {}, {}
        active = [one for one in answer.get("entities") or [] if one.get("status", "ACTIVE") == "ACTIVE"]
        there = {(type_name, one["attributes"]["qualifiedName"]): one for one in active}
        return there, answer.get("referredEntities") or {}


def _present(entity: Json, referred: Json) -> PresentAsset:
    return PresentAsset(
        entity["guid"],
        entity["attributes"].get("name") or "",
        entity.get("businessAttributes") or {},
        entity.get("customAttributes") or {},
        column_names(entity, referred),
        foreign.makers(entity),
    )


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
