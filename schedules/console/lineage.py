"""Lineage and its audience, as text, JSON, DOT and Mermaid."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from miner.ledger.audience import Audience
from miner.readers import DASHBOARD
from schedules.console import screen
from schedules.console.screen import Column, Screen
from schedules.lineage import Impact, Walk

_TOP = 10
_CONSUMER = "consumer"

Row = Mapping[str, Any]


def show_walk(shown: Screen, walk: Walk, *, columns: bool) -> None:
    """The edges by their steps, then how far it goes."""
    datasets = walk.way.datasets.to_pylist()
    here, far = ("target", "source") if walk.up else ("source", "target")
    rows = sorted(_stepped(walk), key=lambda told: (told[0], told[1][here], told[1][far]))
    word = "is made from" if walk.up else "goes into"
    shown.line(f"{walk.name} {word} {_found(datasets)}{_within(walk)}", "bold")
    if rows:
        shown.line()
        shown.table(
            (screen.number("step"), Column("source"), Column("target"), Column("process"), screen.number("columns")),
            ((step, edge["source"], edge["target"], process_of(edge), edge["column_pairs"]) for step, edge in rows),
        )
    if columns:
        _show_columns(shown, [edge for _, edge in rows])
    for view in datasets:
        if view["definition"] and not view["depth"]:
            shown.heading(f"{view['dataset']} is defined as")
            shown.line(view["definition"].strip())


def _show_columns(shown: Screen, edges: Iterable[Row]) -> None:
    shown.heading("Columns")
    shown.table(
        (Column("source column"), Column("target column")),
        (
            (f"{edge['source']}.{source}", f"{edge['target']}.{target}")
            for edge in edges
            for source, target in orjson.loads(edge["pairs"])
        ),
    )


def show_impact(shown: Screen, found: Impact) -> None:
    """What is made of a dataset, by step, and who read any of it."""
    walk, datasets = found.walk, found.walk.way.datasets.to_pylist()
    hang = "hangs" if len(datasets) - _starts(datasets) == 1 else "hang"
    shown.line(f"On {walk.name} {_found(datasets)} {hang}{_within(walk)}", "bold")
    by_dataset = defaultdict(list)
    for one in found.audience:
        by_dataset[one.metastore_id, one.dataset].append(one)
    shown.line()
    shown.table(
        (screen.number("step"), Column("dataset"), screen.number("reads"), screen.number("people"),
         screen.number("machines"), screen.number("dashboards")),
        (
            (row["depth"], row["dataset"], *_figures(by_dataset[row["metastore_id"], row["dataset"]]))
            for row in datasets
            if row["kind"] != _CONSUMER
        ),
    )  # fmt: skip
    partly = f"; {_counted(found.unmined, 'day')} of these not mined" if found.unmined else ""
    shown.heading(f"Readers of any of these, {found.first} to {found.last}{partly}")
    people = _totals(one for one in found.audience if one.person)
    dashboards = _totals(one for one in found.audience if one.reader_kind == DASHBOARD)
    for word, totals in (("people", people), ("dashboards", dashboards)):
        shown.line(f"{len(totals):,} {word}")
        if totals and found.named:
            shown.table((Column("reader"), screen.number("datasets"), screen.number("reads")), _most(totals))
        if len(totals) > _TOP and found.named:
            shown.line(f"and {len(totals) - _TOP:,} more, in --json")


def told_walk(walk: Walk) -> dict[str, object]:
    """A walk as JSON values."""
    edges = [
        {**edge, "pairs": orjson.loads(edge["pairs"]), "step": step}
        for step, edge in sorted(_stepped(walk), key=lambda told: told[0])
    ]
    return {
        "dataset": walk.name,
        "direction": "up" if walk.up else "down",
        "depth": walk.depth,
        "more": walk.way.more,
        "datasets": walk.way.datasets.to_pylist(),
        "edges": edges,
    }


def told_impact(found: Impact) -> dict[str, object]:
    """The impact as JSON values."""
    names = ("metastore_id", "dataset", "reader", "process_kind", "person", "reads", "indirect_reads", "last_read_at",
             "reader_kind", "reader_name")  # fmt: skip
    readers = [{name: getattr(one, name) for name in names} for one in found.audience]
    return {
        **told_walk(found.walk),
        "first_day": found.first,
        "last_day": found.last,
        "unmined_days": found.unmined,
        **({"readers": readers} if found.named else {}),
    }


def dot(walk: Walk) -> Iterator[str]:
    """The walk for Graphviz, line by line."""
    yield "digraph lineage {"
    yield '  rankdir=LR; node [shape=box, fontname="sans-serif"];'
    numbers = _numbered(walk)
    for (_, dataset), number in numbers.items():
        yield f"  n{number} [label={_quoted(dataset)}];"
    for edge in walk.way.edges.to_pylist():
        yield f"  {_arrow(edge, numbers, '->')} [label={_quoted(process_of(edge))}];"
    yield "}"


def mermaid(walk: Walk) -> Iterator[str]:
    """The walk for Mermaid, line by line."""
    yield "flowchart LR"
    numbers = _numbered(walk)
    for (_, dataset), number in numbers.items():
        yield f'  n{number}["{_entities(dataset)}"]'
    for edge in walk.way.edges.to_pylist():
        arrow = f'-- "{_entities(process_of(edge))}" -->'
        yield f"  {_arrow(edge, numbers, arrow)}"


def process_of(edge: Row) -> str:
    """What moved the data, as a person calls it."""
    kind = str(edge["process_kind"]).replace("_", " ")
    # What has no process of its own is told by its target, which stands beside it.
    name = edge["process_name"] or ("" if edge["process_kind"] == "ad_hoc" else edge["process_id"])
    return f"{kind} {name}".strip()


def _stepped(walk: Walk) -> Iterator[tuple[int, Row]]:
    near = "target" if walk.up else "source"
    depths = {(row["metastore_id"], row["dataset"]): row["depth"] for row in walk.way.datasets.to_pylist()}
    for edge in walk.way.edges.to_pylist():
        yield depths[edge["metastore_id"], edge[near]] + 1, edge


def _numbered(walk: Walk) -> dict[tuple[str, str], int]:
    rows = walk.way.datasets.to_pylist()
    return {(row["metastore_id"], row["dataset"]): number for number, row in enumerate(rows)}


def _arrow(edge: Row, numbers: Mapping[tuple[str, str], int], arrow: str) -> str:
    source, target = (numbers[edge["metastore_id"], edge[end]] for end in ("source", "target"))
    return f"n{source} {arrow} n{target}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _entities(text: str) -> str:
    for sign, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return text


def _starts(datasets: Sequence[Row]) -> int:
    return sum(row["depth"] == 0 for row in datasets)


def _found(datasets: Sequence[Row]) -> str:
    """How many datasets were walked to, and how many that only read; the latter where there are any."""
    found = [row["kind"] == _CONSUMER for row in datasets if row["depth"]]
    consumers = sum(found)
    there = _counted(len(found) - consumers, "dataset")
    return f"{there} and {_counted(consumers, 'consumer')}" if consumers else there


def _within(walk: Walk) -> str:
    steps = f" within {_counted(walk.depth, 'step')}"
    return f"{steps}, and goes on (--depth, --limit)" if walk.way.more else steps


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _figures(readers: Sequence[Audience]) -> tuple[int, int, int, int]:
    people = {one.reader for one in readers if one.person}
    dashboards = {one.reader for one in readers if one.reader_kind == DASHBOARD}
    machines = {one.reader for one in readers if one.reader and not one.person} - dashboards
    return sum(one.reads for one in readers), len(people), len(machines), len(dashboards)


def _totals(readers: Iterable[Audience]) -> dict[str, tuple[set[str], int]]:
    totals: dict[str, tuple[set[str], int]] = {}
    for one in readers:
        datasets, reads = totals.get(one.reader, (set(), 0))
        totals[one.reader] = (datasets | {one.dataset}, reads + one.reads)
    return totals


def _most(totals: Mapping[str, tuple[set[str], int]]) -> list[tuple[str, int, int]]:
    rows = [(reader, len(datasets), reads) for reader, (datasets, reads) in totals.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0]))[:_TOP]
