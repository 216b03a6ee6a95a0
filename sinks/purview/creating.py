"""Tables and views made in Purview as its own scan would make them, where no scan has brought them in.

Their types are Microsoft's: entities of them are made, the types themselves never, and only what the catalog's
definitions have is told. An asset that a scan brings in later has the same type and name, and so is the same entity.
"""

from collections.abc import Iterator, Mapping, Sequence

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


def created(
    number: int, dataset: Dataset, found: Asset | Unmatched, match: Match | None, *, naming: Context, shape: Creation
) -> StandIn | Unmatched | None:
    """What a dataset without an asset is made as, or with one of ours; or why it is not. `number` is its ledger id."""
    if isinstance(found, Asset) and (match is None or match.reason != MADE):
        return None
    if shape.refused or match is None or not match.described:
        return _not_created(dataset, found, match, shape)
    asset = _asset(dataset, naming) if isinstance(found, Unmatched) else found
    if asset is None:
        return Unmatched(dataset.label, NO_TABLE)
    columns = orjson.loads(match.described)

    def entities() -> Sequence[Entity]:
        return list(_entities(number, dataset, asset, columns, shape))

    return StandIn(asset, entities, spellings(kept(name for name, _ in columns)))


def _not_created(dataset: Dataset, found: Asset | Unmatched, match: Match | None, shape: Creation) -> Unmatched | None:
    if isinstance(found, Asset):
        return None
    if dataset.kind != TABLE or match is None:
        return found
    return Unmatched(dataset.label, f"not created: {shape.refused}" if shape.refused else NOT_DESCRIBED)


def _asset(dataset: Dataset, naming: Context) -> Asset | None:
    """The asset that Purview's scan of Unity Catalog would make."""
    named = candidates(dataset, naming).candidates
    return next((Asset(one.type_name, one.qualified_name) for one in named if one.type_name in _ABOVE), None)


def _entities(
    number: int, dataset: Dataset, asset: Asset, columns: Sequence[Sequence[str]], shape: Creation
) -> Iterator[Entity]:
    """The metastore, the catalog and the schema, the table, and its columns."""
    told = {"catalogName": dataset.catalog, "schemaName": dataset.schema, "tableType": dataset.type}
    schema, _, _ = asset.qualified_name.rpartition(f"/{'views' if asset.type_name.endswith('_view') else 'tables'}/")
    catalog, _, _ = schema.rpartition("/schemas/")
    metastore, _, _ = catalog.rpartition("/catalogs/")
    above: list[Asset] = []
    for one in (Asset(METASTORE, metastore), Asset(CATALOG, catalog), Asset(SCHEMA, schema), asset):
        yield _entity(one, one.name, told, above, shape, number if one is asset else 0)
        above.append(one)
    for name, kind in columns:
        column = Asset(f"{asset.type_name}_column", f"{asset.qualified_name}/columns/{name}")
        yield _entity(column, name, told | {"dataType": kind}, above, shape, number)


def _entity(  # noqa: PLR0913 (what an entity consists of)
    one: Asset, name: str, told: Mapping[str, str], above: Sequence[Asset], shape: Creation, number: int
) -> Entity:
    values = {"qualifiedName": one.qualified_name, "name": name, **told}
    attributes = {key: values[key] for key in shape.attributes[one.type_name] if values.get(key)}
    made: dict[str, object] = {"typeName": one.type_name, "attributes": attributes, "customAttributes": dict([MAKER])}
    end = shape.ends[one.type_name]
    if end and above:
        made["relationshipAttributes"] = {end: above[-1].reference}
    body = payload.written(made)
    needs = tuple(parent.qualified_name for parent in above)
    digest = payload.digest(body)
    return Entity(payload.ASSET, one.qualified_name, one.type_name, body, digest, 2, flow=(0, number), needs=needs)
