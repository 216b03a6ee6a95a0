"""Checks of a preflight: named looks in an order, and what each of them found. Nothing is changed by looking."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from miner.errors import MinerError

State = Literal["pass", "fail", "skip"]

PASS: State = "pass"  # noqa: S105 (a state, no password)
FAIL: State = "fail"
SKIP: State = "skip"


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found, and how to mend it.

    `fail`: a run would fail, or tell too little. `skip`: not there or not looked at, which hinders nothing by itself.
    """

    state: State
    finding: str
    mend: str = ""


def passed(finding: str, mend: str = "") -> Found:
    """A run goes well; a mend makes it tell more."""
    return Found(PASS, finding, mend)


def failed(finding: str, mend: str) -> Found:
    """A run would fail, or tell too little."""
    return Found(FAIL, finding, mend)


def skipped(finding: str, mend: str = "") -> Found:
    """Not there, or not looked at."""
    return Found(SKIP, finding, mend)


@dataclass(frozen=True, slots=True)
class Check:
    """One look under a stable name; it is made only when all the checks it `needs` have passed.

    `look` may raise MinerError, which is this check's cross and not the end of the others.
    """

    name: str
    look: Callable[[], Found]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a named check found."""

    name: str
    state: State
    finding: str
    mend: str = ""


def findings(checks: Iterable[Check]) -> Iterator[Finding]:
    """Make every look in order, each once. Raises KeyError when a check needs one that does not come before it."""
    hindered: dict[str, str] = {}
    for check in checks:
        cause = next((hindered[name] for name in check.needs if hindered[name]), "")
        found = skipped(f"not looked at: {cause}") if cause else _looked(check)
        hindered[check.name] = cause or _HINDERS[found.state].format(check.name)
        yield Finding(check.name, found.state, found.finding, found.mend)


_HINDERS: Mapping[State, str] = {PASS: "", FAIL: "{} failed", SKIP: "{} has nothing to tell"}
"""Why a check that needs another one is not made."""


def _looked(check: Check) -> Found:
    try:
        return check.look()
    except MinerError as error:
        return failed(error.message, error.mend)
