"""What a plan would do, for a person and as JSON."""

import math
from datetime import timedelta

from schedules.console.run import show_changes
from schedules.console.screen import Screen
from schedules.jobs import Plan


def show_plan(screen: Screen, plan: Plan) -> None:
    """The changes, and how long they would take."""
    screen.line(f"What `uc-miner run` would bring to the sink '{plan.sink}', from what is mined so far:", "bold")
    show_changes(screen, plan.changes)
    screen.line()
    took = timedelta(seconds=math.ceil(plan.seconds))
    rate = plan.operations_per_second
    screen.line(f"{plan.operations:,} operations, at {rate} a second at least {took} (hours:minutes:seconds)")


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
        "removed": [{"type": type_name, "qualified_name": name} for type_name, name in changes.removed],
        "unmatched": unmatched,
        "held_back": changes.held_back,
        "looked_up": dict(changes.looked_up),
        "waiting": changes.waiting,
        "summarised": changes.summarised,
        "operations": plan.operations,
        "operations_per_second": plan.operations_per_second,
        "seconds": plan.seconds,
    }
