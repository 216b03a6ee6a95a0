"""What an emission did, or would do, and what came of reading entities back."""

from collections import Counter
from dataclasses import dataclass, field

from miner.drawn import ONCE
from miner.ledger import drawn
from miner.ports import Unmatched

PROCESS = "process"
SUMMARY = "summary"
USAGE = "usage"
COLUMN_USAGE = "column_usage"


@dataclass(slots=True)
class Changes:
    """What an emission did, or would do."""

    created: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    orphans: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    held_back: int = 0
    """Processes that are not removed, because they are more than one run may remove; nothing is removed then."""
    rejected: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    summarised: int = 0
    """Flows that are drawn by the summaries that were looked at."""
    looked_up: Counter[str] = field(default_factory=Counter)
    """Datasets looked up in the catalog, by what was found."""
    operations: int = 0
    retired: Counter[str] = field(default_factory=Counter)
    """Edges that count no more since the last emission, by rule (`miner.ledger.retirement_rules`)."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why entities are removed, by qualified name."""
    unfinished: bool = False
    """Whether it ended before all was sent."""

    @property
    def removed(self) -> list[tuple[str, str]]:
        """Entities removed, as type and qualified name: those below others first."""
        return [entity for some in self.orphans.values() for entity in some]

    def note_unmatched(self, found: Unmatched) -> None:
        """Count what has no entity, by reason, with one example each."""
        self.unmatched[found.reason] += 1
        self.examples.setdefault(found.reason, found.name)

    def note_left_out(self, found: drawn.LeftOut) -> None:
        """Count the flows that the limits leave out, by reason; those of jobs that wait for a second day apart."""
        self.waiting = found.counts.pop(ONCE, 0)
        self.unmatched.update(found.counts)
        self.examples.update((reason, found.examples[reason]) for reason in found.counts)

    @property
    def sent(self) -> int:
        """Entities created or changed."""
        return self.created.total() + self.changed.total()


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of reading entities back; those that were found wrong were sent again."""

    processes: int
    entities: int
    """With what the processes hang below and refer to; what is to be sent otherwise by now is not read."""
    wrong: tuple[str, ...]
    changes: Changes
    chosen: Counter[str] = field(default_factory=Counter)
    """What was chosen, by kind."""
