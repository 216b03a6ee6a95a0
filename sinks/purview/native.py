"""Purview's own types for what runs in Databricks: their names, and whether a catalog has them as we need it.

They are Microsoft's: entities of them are made, the types themselves never. A `databricks_process` cannot be without
its task or notebook, nor these without job and workspace, so that the hierarchy comes with them.
https://github.com/microsoft/Purview-ADB-Lineage-Solution-Accelerator made entities of the same types and names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

WORKSPACE = "databricks_workspace"
JOB = "databricks_job"
TASK = "databricks_notebook_task"
"""Of the kinds of task, since only they stand for their processes in the lineage view, and not `databricks_job_task`.

Lineage tells notebooks, and of other kinds nothing; one and the same type, so that a task stays one entity.
"""
NOTEBOOK = "databricks_notebook"
PROCESS = "databricks_process"

_RUNNABLE = "databricks_runnable"

KINDS = frozenset({"job", "notebook"})
"""Kinds of process that have native types."""

LINEAGE_TASK = "_lineage"
"""The task of a job whose lineage does not tell which of its tasks moved the data."""

Definition = Mapping[str, Any]
Look = Callable[[str], Definition | None]
"""Gives the definition of a type that the catalog has."""


@dataclass(frozen=True, slots=True)
class _Needed:
    """Attributes by their type, ends of relationships by the type they lead to, and a type that it is a kind of."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    above: str = ""


_NEEDED: Mapping[str, _Needed] = {
    WORKSPACE: _Needed(),
    JOB: _Needed({"jobId": "long"}, {"workspace": WORKSPACE}),
    TASK: _Needed({"jobId": "long"}, {"job": JOB}, _RUNNABLE),
    NOTEBOOK: _Needed({}, {"workspace": WORKSPACE}, _RUNNABLE),
    PROCESS: _Needed({"columnMapping": "string"}, {"task": _RUNNABLE}),
}
_GIVEN = frozenset({"qualifiedName", "name", "inputs", "outputs"})
"""What every entity of ours has, so that a definition may demand it."""
_BASES = frozenset({"Asset", "DataSet", "Infrastructure", "Process", "Referenceable"})


@dataclass(frozen=True, slots=True)
class Creation:
    """What a catalog's definitions of tables and views, and of what these are part of, take.

    Attributes by type, and the end by which a type is part of another; `refused` says why nothing can be created.
    """

    attributes: Mapping[str, tuple[str, ...]]
    ends: Mapping[str, str]
    refused: str = ""


def workspace_name(host: str) -> str:
    """The qualified name of a workspace by its host, such as `adb-6051921418418893.13.azuredatabricks.net`."""
    return f"databricks://{host}"


def job_name(workspace: str, job: str) -> str:
    """The qualified name of a job by its id, or by the name of its one-time runs."""
    return f"{workspace}/jobs/{_one_segment(job)}"


def task_name(job: str, task: str = LINEAGE_TASK) -> str:
    """The qualified name of a task below that of its job."""
    return f"{job}/tasks/{_one_segment(task)}"


def notebook_name(workspace: str, notebook: str) -> str:
    """The qualified name of a notebook by its path or its number."""
    return f"{workspace}/notebooks/{notebook.removeprefix('/')}"


def _one_segment(text: str) -> str:
    """The text as others write it, but for what would part it: nobody else escapes anything."""
    return text.replace("%", "%25").replace("/", "%2F")


def misfit(look: Look) -> str:
    """Why a catalog's own types cannot take our entities; '' when they can."""
    for name, needed in _NEEDED.items():
        definition = look(name)
        if definition is None:
            return f"there is no type {name}"
        attributes, ends = attributes_of(definition, look), ends_of(definition)
        for attribute, kind in needed.attributes.items():
            if attributes.get(attribute, {}).get("typeName") != kind:
                return f"{name} has no attribute {attribute} of type {kind}"
        for end, kind in needed.ends.items():
            if ends.get(end, {}).get("typeName") != kind:
                return f"{name} has no relationship {end} to {kind}"
        if needed.above and needed.above not in {one["name"] for one in _lineage(definition, look)}:
            return f"{name} is no {needed.above}"
        given = _GIVEN | needed.attributes.keys() | needed.ends.keys()
        demanded = [one for one, told in (attributes | ends).items() if not told.get("isOptional", True)]
        if unknown := sorted(set(demanded) - given):
            return f"{name} demands {unknown[0]}"
    return ""


def attributes_of(definition: Definition, look: Look) -> dict[str, Definition]:
    """The attributes of a type with those it inherits from other native types."""
    return {one["name"]: one for told in _lineage(definition, look) for one in told.get("attributeDefs") or []}


def ends_of(definition: Definition) -> dict[str, Definition]:
    """The ends of a type's relationships; the catalog lists inherited ones too (seen on Atlas 2.1.0)."""
    return {one["name"]: one for one in definition.get("relationshipAttributeDefs") or []}


def _lineage(definition: Definition, look: Look) -> Iterator[Definition]:
    yield definition
    for name in definition.get("superTypes") or []:
        parent = None if name in _BASES else look(name)
        if parent is not None:
            yield from _lineage(parent, look)
