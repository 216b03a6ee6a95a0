"""The types the miner brings along: runnables with processes below them, consumers, and the group of usage figures.

Types of the scan (`databricks_*` and the like) are Microsoft's: they are referenced, never defined.
Business metadata (in the portal: managed attributes) can be widened and expired, but never deleted or changed
(https://learn.microsoft.com/en-us/purview/data-map-metadata-attributes-managed).
"""

import json
from collections.abc import Container, Iterable, Mapping
from typing import Any

from pyapacheatlas.core.typedef import (
    AtlasAttributeDef,
    AtlasStructDef,
    Cardinality,
    ChildEndDef,
    EntityTypeDef,
    ParentEndDef,
    RelationshipTypeDef,
    TypeCategory,
)

from sinks.purview.hierarchy import PROCESSES_END, RUNNABLE_END
from sinks.purview.options import PLACEHOLDER, PurviewOptions

Json = dict[str, Any]

_SERVICE = "Unity Catalog Miner"
_UNBOUNDED = 2_147_483_647

_ABOUT: Mapping[str, str] = {
    "metastoreId": "string",
    "workspaceId": "string",
    "workspaceName": "string",
    "processKind": "string",
    "processId": "string",
    "link": "string",
}

_PROCESS_ATTRIBUTES: Mapping[str, str] = {
    "columnMapping": "string",
    **_ABOUT,
    "notebookId": "string",
    "jobId": "string",
    "pipelineId": "string",
    "taskKey": "string",
    "unverified": "boolean",
    "unmatchedInputs": "array<string>",
    "columnMappingDegraded": "boolean",
    "statementText": "string",
}

_SUMMARY_ATTRIBUTES: Mapping[str, str] = {
    "metastoreId": "string",
    "side": "string",
    "unmatchedEnds": "array<string>",
}

_PLACEHOLDER_ATTRIBUTES: Mapping[str, str] = {
    "metastoreId": "string",
    "datasetKind": "string",
    "datasetType": "string",
    "reason": "string",
}

WINDOW_FIGURES: Mapping[str, str] = {
    "reads": "long",
    "readers": "long",
    "people": "long",
    "machines": "long",
    "indirect_reads": "long",
    "score": "double",
    "band": "int",
    "trend": "double",
    "partial_days": "int",
}
"""Figures of one window: the attribute's name is `<figure>_<days>d`."""

DATE_FIGURES = ("last_read", "last_write", "as_of")

COLUMN_FIGURES = ("reads", "readers", "people", "machines", "score", "band", "trend", "partial_days")
COLUMN_DATES = ("last_read", "as_of")
"""Those of the figures that columns have."""


def figure(name: str, window: int) -> str:
    """The attribute of a figure of one window, such as `reads_30d`."""
    return f"{name}_{window}d"


def usage_figures(windows: Iterable[int]) -> Mapping[str, str]:
    """The names of all attributes of usage for some windows, with their types."""
    figures = {figure(name, days): kind for days in windows for name, kind in WINDOW_FIGURES.items()}
    return figures | dict.fromkeys(DATE_FIGURES, "date")


def typedefs(options: PurviewOptions) -> Json:
    """The body for `/types/typedefs`: everything entities and usage need."""
    return {
        "entityDefs": entity_types(options),
        "relationshipDefs": [relationship_type(options)],
        "businessMetadataDefs": [usage_group(options)],
    }


def entity_types(options: PurviewOptions) -> list[Json]:
    """The types of entities of our own.

    The two options make a runnable stand for the processes below it in the lineage view. A process is a subtype of
    Process, because columnMapping is shown only where the type has it as a string.
    """
    made = [
        _entity_type(
            options.runnable_type, "Process", _ABOUT, {"derivedLineageSources": json.dumps([PROCESSES_END])},
            "What moves data in Databricks, with one process for every dataset it writes.",
        ),
        _entity_type(
            options.process_type, "Process", _PROCESS_ATTRIBUTES, {"defaultRenderedLineage": RUNNABLE_END},
            "Lineage of one Databricks process into one dataset, mined from the system tables.",
        ),
        _entity_type(
            options.consumer_type, "DataSet", _ABOUT, {},
            "What reads data in Databricks and writes none, such as a dashboard.",
        ),
        _entity_type(
            options.summary_type, "Process", _SUMMARY_ATTRIBUTES, {},
            "All processes that read, or write, a dataset which too many do for each to be drawn.",
        ),
    ]  # fmt: skip
    if options.missing == PLACEHOLDER:
        about = "A dataset that moves in Databricks and that no scan has brought in yet."
        made.append(_entity_type(options.placeholder_type, "DataSet", _PLACEHOLDER_ATTRIBUTES, {}, about))
    return made


def relationship_type(options: PurviewOptions) -> Json:
    """A runnable has processes, and they go with it."""
    made: Json = RelationshipTypeDef(
        f"{options.runnable_type}_processes",
        ParentEndDef(PROCESSES_END, options.runnable_type).to_json(),
        ChildEndDef(RUNNABLE_END, options.process_type).to_json(),
        "COMPOSITION",
        serviceType=_SERVICE,
        typeVersion="1.0",
        description="The processes of a runnable.",
    ).to_json()
    return made


def _entity_type(
    name: str, above: str, attributes: Mapping[str, str], options: Mapping[str, str], description: str
) -> Json:
    made: Json = EntityTypeDef(
        name,
        superTypes=[above],
        serviceType=_SERVICE,
        typeVersion="1.0",
        description=description,
        options=dict(options),
        attributeDefs=[_attribute(attribute, kind) for attribute, kind in attributes.items()],
    ).to_json()
    return made


def usage_group(options: PurviewOptions, there: Container[str] | None = None) -> Json:
    """The business metadata group with the figures of every window, for those types of assets that are there, else all.

    Figures that columns have too are for the types of columns as well, where the options say so.
    """
    datasets, columns = (
        [name for name in types if there is None or name in there]
        for types in (options.dataset_types, options.column_types)
    )
    of_columns = {figure(name, days) for days in options.windows for name in COLUMN_FIGURES} | {*COLUMN_DATES}
    applied = {
        name: {
            "applicableEntityTypes": json.dumps(sorted([*datasets, *(columns if name in of_columns else ())])),
            "isDisabled": "false",
        }
        for name in usage_figures(options.windows)
    }
    made: Json = AtlasStructDef(
        options.usage_group,
        TypeCategory.BUSINESSMETADATA,
        typeVersion="1.0",
        description="How much a dataset is used, from the Databricks system tables.",
        attributeDefs=[_attribute(name, kind, applied[name]) for name, kind in usage_figures(options.windows).items()],
    ).to_json()
    return made


def widened(present: Json, wanted: Json) -> Json | None:
    """The definition that is there with what it lacks of the wanted one; None when it lacks nothing."""
    options = (present.get("options") or {}) | (wanted.get("options") or {})
    there = {attribute["name"]: attribute for attribute in present.get("attributeDefs") or []}
    merged = there | {
        attribute["name"]: _widened_attribute(there.get(attribute["name"]), attribute)
        for attribute in wanted.get("attributeDefs") or []
    }
    if merged == there and options == (present.get("options") or {}):
        return None
    return {**present, "attributeDefs": list(merged.values())} | ({"options": options} if options else {})


def _attribute(name: str, kind: str, options: Mapping[str, str] | None = None) -> AtlasAttributeDef:
    if kind.startswith("array"):
        return AtlasAttributeDef(name, typeName=kind, cardinality=Cardinality.LIST, valuesMaxCount=_UNBOUNDED)
    return AtlasAttributeDef(name, typeName=kind, options=options)


def _widened_attribute(present: Json | None, wanted: Json) -> Json:
    """An attribute that is there stays as it is, but for the types it applies to."""
    if present is None:
        return wanted
    options = present.get("options") or {}
    types = _applicable(options)
    missing = _applicable(wanted.get("options") or {}) - types
    if not missing:
        return present
    return {**present, "options": {**options, "applicableEntityTypes": json.dumps(sorted(types | missing))}}


def _applicable(options: Mapping[str, str]) -> frozenset[str]:
    return frozenset(json.loads(options.get("applicableEntityTypes") or "[]"))
