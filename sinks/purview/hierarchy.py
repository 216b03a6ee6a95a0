"""What a process entity hangs below: workspace, job and task, or workspace and notebook, or a runnable of our own."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from miner.ports import Entity
from sinks.purview import native, payload
from sinks.purview.assets import Asset, Reference
from sinks.purview.flows import Flow
from sinks.purview.options import PurviewOptions
from sinks.purview.processes import Process

RUNNABLE_END = "runnable"
PROCESSES_END = "processes"

MAKER = ("madeBy", "uc-miner")
"""A custom attribute of native entities that we made: others of the same type are only referred to."""

_REMEMBERED = 100_000
_LONG = 1 << 63


class Place(NamedTuple):
    """Where a process hangs: the qualified names of its parents, outermost first, and how it says below which it is.

    `own_name` and `about` are what every process entity of it begins with: told once, not once per target.
    """

    process_type: str
    needs: tuple[str, ...]
    relationships: Mapping[str, Reference]
    own_name: str
    about: Mapping[str, str]
    native: bool


class Hierarchy:
    """Places of processes. Flows come ordered by process, so that the last place is remembered."""

    def __init__(self, options: PurviewOptions) -> None:
        self._options = options
        self._last: tuple[tuple[int, str], Place] | None = None
        self._told: set[str] = set()
        self._untold: list[Entity] = []

    def place(self, flow: Flow, target: str) -> Place:
        """Where the process of a flow hangs; the name of its target tells ad hoc processes apart."""
        key = (flow.process_id, target if flow.process.ad_hoc else "")
        if self._last is None or self._last[0] != key:
            self._last = (key, self._placed(flow, target))
        return self._last[1]

    def untold(self) -> Sequence[Entity]:
        """The parents of the places since the last call that did not come yet, the outermost first."""
        untold, self._untold = self._untold, []
        return sorted(untold, key=lambda parent: len(parent.needs))

    def _placed(self, flow: Flow, target: str) -> Place:
        process, options = flow.process, self._options
        name, about = process.own_name(target), process.told(options.workspace_domain)
        host = process.host(options.workspace_domain)
        if options.native and host and process.id and process.kind in native.KINDS:
            parents = _native_parents(process, host)
            below = {"task": _referred(parents[-1])}
            return Place(native.PROCESS, self._needed(*parents), below, name, about, native=True)
        runnable = _runnable(flow, target, name, about, options)
        below = {RUNNABLE_END: _referred(runnable)}
        return Place(options.process_type, self._needed(runnable), below, name, about, native=False)

    def _needed(self, *parents: Entity) -> tuple[str, ...]:
        names = tuple(parent.qualified_name for parent in parents)
        if len(self._told) > _REMEMBERED:
            self._told.clear()
        self._untold += (parent for parent in parents if parent.qualified_name not in self._told)
        self._told.update(names)
        return names


def _referred(parent: Entity) -> Reference:
    return Asset(parent.type_name, parent.qualified_name).reference


def _runnable(flow: Flow, target: str, own_name: str, about: Mapping[str, str], options: PurviewOptions) -> Entity:
    process = flow.process
    name = options.named(own_name)
    attributes = {
        "qualifiedName": name,
        "name": f"{process.title} → {target}" if process.ad_hoc else process.title,
        **about,
    }
    body = payload.written({"typeName": options.runnable_type, "attributes": attributes})
    key = (flow.process_id, flow.target if process.ad_hoc else 0)
    return Entity(payload.RUNNABLE, name, options.runnable_type, body, payload.digest(body), 1, key)


def _native_parents(process: Process, host: str) -> tuple[Entity, ...]:
    workspace = native.workspace_name(host)
    parents = [_parent((), native.WORKSPACE, workspace, process.workspace_name or host)]
    if process.kind == "notebook":
        notebook = native.notebook_name(workspace, process.id)
        parents.append(_parent(parents, native.NOTEBOOK, notebook, process.title, "workspace"))
    else:
        job = native.job_name(workspace, process.id)
        number = {"jobId": int(process.id)} if process.numbered and int(process.id) < _LONG else {}
        parents.append(_parent(parents, native.JOB, job, process.title, "workspace", **number))
        key = process.task_key or native.LINEAGE_TASK
        title = process.task_key or f"{process.title}, any task"
        parents.append(_parent(parents, native.TASK, native.task_name(job, key), title, "job", **number))
    return tuple(parents)


def _parent(
    above: list[Entity] | tuple[()], type_name: str, qualified_name: str, name: str, end: str = "", **more: int
) -> Entity:
    """One native entity; `end` leads to the innermost of those above it."""
    told = {
        "typeName": type_name,
        "attributes": {"qualifiedName": qualified_name, "name": name, **more},
        "customAttributes": dict([MAKER]),
    }
    if above:
        told["relationshipAttributes"] = {end: _referred(above[-1])}
    body = payload.written(told)
    needs = tuple(one.qualified_name for one in above)
    return Entity(payload.PARENT, qualified_name, type_name, body, payload.digest(body), 1 + bool(above), needs=needs)
