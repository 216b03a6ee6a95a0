"""The answer of naming: candidates, most likely first, or the reason why there are none."""

from collections.abc import Iterable
from typing import NamedTuple

MOST = 25
"""Candidates of one dataset at most: as many as one look-up in the catalog takes."""


class Candidate(NamedTuple):
    """One asset that a dataset may be in Purview, and the rule that says so.

    `guessed` is one that is there only when Purview's scan made it so (a resource set, a folder around a file, a name
    of unverified form): good to look up, not to be sent unseen.
    """

    type_name: str
    qualified_name: str
    rule: str
    guessed: bool = False

    def under(self, origin: str) -> "Candidate":
        """The same candidate, found by way of something else, such as a mount."""
        return Candidate(self.type_name, self.qualified_name, f"{origin}: {self.rule}", self.guessed)


class Naming(NamedTuple):
    """Candidates in their order. `reason` says why there are none, or why all are guesses.

    `tried` are the spellings that no rule knows; `shared` is true when the catalog belongs to another metastore.
    """

    candidates: tuple[Candidate, ...] = ()
    reason: str = ""
    tried: tuple[str, ...] = ()
    shared: bool = False

    @property
    def first(self) -> Candidate | None:
        """The most likely candidate that may be sent without looking it up."""
        return next((one for one in self.candidates if not one.guessed), None)

    def under(self, origin: str) -> "Naming":
        """The same answer, found by way of something else."""
        return Naming(tuple(one.under(origin) for one in self.candidates), self.reason, self.tried, self.shared)


def named(candidates: Iterable[Candidate], reason: str = "", *, shared: bool = False) -> Naming:
    """The candidates without repetition, the first `MOST` of them."""
    distinct: dict[tuple[str, str], Candidate] = {}
    for one in candidates:
        distinct.setdefault((one.type_name, one.qualified_name), one)
    return Naming(tuple(distinct.values())[:MOST], reason, (), shared)


def unknown(reason: str, *tried: str) -> Naming:
    """No candidate, why, and the spellings that were tried."""
    return Naming((), reason, tuple(dict.fromkeys(tried)))


def joined(*namings: Naming) -> Naming:
    """Several answers as one, in their order; the reasons count only where nothing was found."""
    found = [one for naming in namings for one in naming.candidates]
    reason = next((naming.reason for naming in namings if naming.reason), "")
    tried = tuple(dict.fromkeys(spelling for naming in namings for spelling in naming.tried))
    shared = any(naming.shared for naming in namings)
    if not found:
        return Naming((), reason, tried, shared)
    return named(found, reason if all(one.guessed for one in found) else "", shared=shared)
