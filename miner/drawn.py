"""Which flows become entities: what keeps a catalog readable is a choice, made of what is mined and counted."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from miner.scope import Chosen

KIND = "its kind is left out by [purview] process_kinds"
CONSUMER = "only reads, and its kind is not among [purview] consumers"
SANDBOX = "into, or only out of, a schema of [purview] sandbox_schemas"
ONCE = "a job seen on a single day, which may be a one-time run"
PEOPLE = "of people, and seen on fewer than [purview] people_days"

WAITING = (ONCE, PEOPLE)
"""Reasons that another day may take away."""

PEOPLE_KINDS = ("ad_hoc", "notebook")
"""Kinds of process that people run by hand, as far as nobody else is known to have run them."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of what is mined.

    `kinds` are globs of kinds of process, those after a `!` are left out; `consumers` globs of the kinds that are drawn
    though they only read. What people run by hand waits until it was seen on `people_days` days of any `people_within`
    that follow each other. Schemas under `sandboxes` (globs as in `miner.scope.Globs.schemas`) are never drawn. More
    than `most_processes` on one side of a dataset become one summary; 0 for none.
    """

    kinds: tuple[str, ...] = ("*",)
    consumers: tuple[str, ...] = ("*",)
    people_days: int = 1
    people_within: int = 30
    sandboxes: tuple[str, ...] = ()
    most_processes: int = 0

    @property
    def fingerprint(self) -> str:
        """Differs when other flows may be drawn; empty when all are."""
        return "" if self == EVERYTHING else repr(astuple(self))

    def draws(self, kind: str) -> bool:
        """Whether processes of a kind become entities."""
        chosen = [glob for glob in self.kinds if not glob.startswith("!")]
        left_out = [glob[1:] for glob in self.kinds if glob.startswith("!")]
        return bool(chosen) and kind in Chosen.by(chosen, left_out)

    def consumes(self, kind: str) -> bool:
        """Whether processes of a kind become entities though they only read."""
        return _covered(kind, self.consumers)

    def sandbox(self, catalog: str, schema: str) -> bool:
        """Whether a schema, its names folded, is never drawn."""
        return any(
            all(_covered(part, [wanted]) for part, wanted in zip((schema, catalog), _from_last(glob), strict=False))
            for glob in self.sandboxes
        )


EVERYTHING = Drawing()


def _covered(name: str, globs: Sequence[str]) -> bool:
    return bool(globs) and name in Chosen.by(globs, ())


def _from_last(glob: str) -> list[str]:
    return list(reversed(glob.split(".")))
