"""What a preflight found, for a person: a tick, a cross or a dash before each check; and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from miner.checks import FAIL, PASS, SKIP, Finding, State
from schedules.console.screen import Screen

MARKS: dict[State, tuple[str, str]] = {PASS: ("✓", "green"), FAIL: ("✗", "red"), SKIP: ("–", "dim")}  # noqa: RUF001 (a dash)

_INDENT = 2


def show_findings(screen: Screen, found: Iterable[Finding]) -> None:
    """A line for each check, below it how to mend it, and a count at the end."""
    told = list(found)
    width = max(len(finding.name) for finding in told)
    for finding in told:
        mark, style = MARKS[finding.state]
        head, *more = finding.finding.splitlines() or [""]
        screen.line(f"{mark} {finding.name:{width}}  {head}", style)
        for line in (*more, *([f"mend: {finding.mend}"] if finding.mend else [])):
            screen.line(f"{'':{width + 2 * _INDENT}}{line.strip()}")
    screen.line()
    screen.line(_counted(told), "bold")


def _counted(told: Sequence[Finding]) -> str:
    count = {state: sum(finding.state == state for finding in told) for state in MARKS}
    return f"{count[PASS]} passed, {count[FAIL]} failed, {count[SKIP]} not there or not looked at"


def told(found: Iterable[Finding]) -> list[dict[str, str]]:
    """The findings as JSON values: an array of name, state, finding and mend."""
    return [asdict(finding) for finding in found]
