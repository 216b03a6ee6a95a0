"""Tables and views made in Purview as its own scan would make them, where no scan has brought them in.

Their types are Microsoft's: entities of them are made, the types themselves never, and only what the catalog's
definitions have is told. An asset that a scan brings in later has the same type and name, and so is the same entity.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from miner.ports import MADE, Entity, Match, Unmatched
from sinks.purview import payload
from sinks.purview.assets import Asset
from sinks.purview.hierarchy import MAKER
from sinks.purview.names import TABLE, Dataset, candidates
from sinks.purview.naming import Context
from sinks.purview.native import Creation, Definition, Look, attributes_of, ends_of
from sinks.purview.spelling import kept, spellings
from sinks.purview.standing import StandIn

METASTORE, CATALOG, SCHEMA = "databricks_metastore", "databricks_catalog", "databricks_schema"

_ABOVE: Mapping[str, str] = {
    CATALOG: METASTORE,
    SCHEMA: CATALOG,
    "databricks_table": SCHEMA,
    "databricks_view": SCHEMA,
    "databricks_table_column": "databricks_table",
    "databricks_view_column": "databricks_view",
}
"""What entities of a type are part of."""

_VIEW = "databricks_view"
_SHARED = frozenset({METASTORE, CATALOG, SCHEMA})
_TYPES = (METASTORE, *_ABOVE)
_ALWAYS = ("qualifiedName", "name")
_TOLD = ("catalogName", "schemaName", "tableType", "dataType")
"""What is told of entities whose type has such an attribute."""

NOT_DESCRIBED = "not created: information_schema has not told its columns"
NO_TABLE = "not created: only tables and views of Unity Catalog are"


def creation(look: Look) -> Creation:
    """What the definitions of a catalog let us create."""
    attributes, ends = {}, {}
    for name in _TYPES:
        definition = look(name)
        if definition is None:
            return Creation({}, {}, f"Purview has no type {name}")
        known, leading = attributes_of(definition, look), ends_of(definition)
        end = _end_to(_ABOVE.get(name, ""), leading)
        if not end and name.endswith("_column"):
            return Creation({}, {}, f"{name} has no relationship to {_ABOVE[name]}")
        sent = [*_ALWAYS, *(one for one in _TOLD if known.get(one, {}).get("typeName") == "string")]
        demanded = {one for one, told in (known | leading).items() if not told.get("isOptional", True)}
        if unknown := sorted(demanded - {*sent, end}):
            return Creation({}, {}, f"{name} demands {unknown[0]}")
        attributes[name], ends[name] = tuple(sent), end
    return Creation(attributes, ends)


def _end_to(type_name: str, ends: Mapping[str, Definition]) -> str:
    return next((name for name, told in sorted(ends.items()) if told.get("typeName") == type_name), "")


@dataclass(frozen=True, slots=True)
class Creating:
    """Makes what stands for datasets, as far as the definitions let it."""

    naming: Context
    shape: Creation

    def stands(
        self, number: int, dataset: Dataset, found: Asset | Unmatched, match: Match | None
    ) -> StandIn | Unmatched | None:
        """What a dataset without an asset is made as, or with one of ours; or why it is not (`standing.Standing`)."""
        if isinstance(found, Asset) and (match is None or match.reason != MADE):
            return None
        if self.shape.refused or match is None or not match.described:
            return self._refused(dataset, found, match)
        asset = self._asset(dataset) if isinstance(found, Unmatched) else found
        if asset is None:
            return Unmatched(dataset.label, NO_TABLE)
        columns = orjson.loads(match.described)
        told = {"catalogName": dataset.catalog, "schemaName": dataset.schema, "tableType": dataset.type}
        making = _Making(number, asset, columns, told, self.shape)
        return StandIn(asset, making.entities, spellings(kept(name for name, _ in columns)))

    def _refused(self, dataset: Dataset, found: Asset | Unmatched, match: Match | None) -> Unmatched | None:
        if isinstance(found, Asset):
            return None
        if dataset.kind != TABLE or match is None:
            return found
        reason = f"not created: {self.shape.refused}" if self.shape.refused else NOT_DESCRIBED
        return Unmatched(dataset.label, reason)

    def _asset(self, dataset: Dataset) -> Asset | None:
        """The asset that Purview's scan of Unity Catalog would make."""
        named = candidates(dataset, self.naming).candidates
        return next((Asset(one.type_name, one.qualified_name) for one in named if one.type_name in _ABOVE), None)


@dataclass(frozen=True, slots=True)
class _Making:
    """One table or view with its columns, and what is told of all that it is part of."""

    number: int
    asset: Asset
    columns: Sequence[Sequence[str]]
    told: Mapping[str, str]
    shape: Creation

    def entities(self) -> Sequence[Entity]:
        """The metastore, the catalog and the schema, the table, and its columns."""
        return list(self._all())

    def _all(self) -> Iterator[Entity]:
        asset = self.asset
        schema, _, _ = asset.qualified_name.rpartition("/views/" if asset.type_name == _VIEW else "/tables/")
        catalog, _, _ = schema.rpartition("/schemas/")
        metastore, _, _ = catalog.rpartition("/catalogs/")
        above: list[Asset] = []
        for one in (Asset(METASTORE, metastore), Asset(CATALOG, catalog), Asset(SCHEMA, schema), asset):
            yield self._entity(one, {"name": one.name}, above)
            above.append(one)
        for name, kind in self.columns:
            column = Asset(f"{asset.type_name}_column", f"{asset.qualified_name}/columns/{name}")
            yield self._entity(column, {"name": name, "dataType": kind}, above)

    def _entity(self, one: Asset, more: Mapping[str, str], above: Sequence[Asset]) -> Entity:
        values = {"qualifiedName": one.qualified_name, **self._about(one), **more}
        attributes = {key: values[key] for key in self.shape.attributes[one.type_name] if values.get(key)}
        made: dict[str, object] = {
            "typeName": one.type_name, "attributes": attributes, "customAttributes": dict([MAKER])
        }  # fmt: skip
        end = self.shape.ends[one.type_name]
        if end and above:
            made["relationshipAttributes"] = {end: above[-1].reference}
        body = payload.written(made)
        digest, needs = payload.digest(body), tuple(parent.qualified_name for parent in above)
        number = 0 if one.type_name in _SHARED else self.number
        return Entity(payload.ASSET, one.qualified_name, one.type_name, body, digest, 2, flow=(0, number), needs=needs)

    def _about(self, one: Asset) -> Mapping[str, str]:
        """What is told beside the name: nothing of what other tables are part of too."""
        return {} if one.type_name in _SHARED else self.told
