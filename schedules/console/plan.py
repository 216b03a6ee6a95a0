"""What a plan would do, for a person and as JSON."""

import math
from collections import Counter
from datetime import timedelta

from miner.changes import PROCESS, Changes
from schedules.console.run import show_changes
from schedules.console.screen import Column, Screen, number
from schedules.jobs import Plan

NOT_BUILT = "no edges, or no asset for what they join"
"""Why a process goes of which no edge was retired."""


def show_plan(screen: Screen, plan: Plan) -> None:
    """The changes, and how long they would take."""
    screen.line(f"What `uc-miner run` would bring to the sink '{plan.sink}', from what is mined so far:", "bold")
    show_changes(screen, plan.changes)
    _show_removed(screen, plan.changes)
    screen.line()
    took = timedelta(seconds=math.ceil(plan.seconds))
    rate = plan.operations_per_second
    screen.line(f"{plan.operations:,} operations, at {rate} a second at least {took} (hours:minutes:seconds)")


def _show_removed(screen: Screen, changes: Changes) -> None:
    """Processes that go, by reason, with one of each."""
    gone = Counter(changes.reasons.get(name, NOT_BUILT) for _, name in changes.orphans.get(PROCESS, ()))
    if not gone:
        return
    examples = {changes.reasons.get(name, NOT_BUILT): name for _, name in reversed(changes.orphans[PROCESS])}
    screen.heading("Processes to be removed")
    rows = [(count, reason, examples[reason]) for reason, count in gone.most_common()]
    screen.table((number("count"), Column("reason"), Column("example")), rows)


def told(plan: Plan) -> dict[str, object]:
    """The plan as JSON values; unmatched things with one example each."""
    changes = plan.changes
    unmatched = [
        {"reason": reason, "count": count, "example": changes.examples[reason]}
        for reason, count in changes.unmatched.most_common()
    ]
    return {
        "sink": plan.sink,
        "created": dict(changes.created),
        "changed": dict(changes.changed),
        "unchanged": dict(changes.unchanged),
        "retired": dict(changes.retired),
        "removed": [
            {"type": type_name, "qualified_name": name, "reason": changes.reasons.get(name, NOT_BUILT)}
            for type_name, name in changes.removed
        ],
        "unmatched": unmatched,
        "held_back": changes.held_back,
        "looked_up": dict(changes.looked_up),
        "waiting": changes.waiting,
        "summarised": changes.summarised,
        "operations": plan.operations,
        "operations_per_second": plan.operations_per_second,
        "seconds": plan.seconds,
    }
