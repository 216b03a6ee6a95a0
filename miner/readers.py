"""Who reads: people told from machines by what the system tables call them, and by what the settings say of them."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from miner.scope import Chosen, lowered

_APPLICATION = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

PERSON = "person"
SERVICE_PRINCIPAL = "service_principal"
SYSTEM = "system"
DASHBOARD = "dashboard"
REDACTED = "redacted"
GROUP = "group"
UNKNOWN = "unknown"

MACHINE_KINDS = frozenset({"job", "pipeline", "submitted_run", "submitted_runs", "alert"})
"""Kinds of process that run by themselves: what they read is no person's reading, whoever they run as."""

SYSTEM_NAMES = ("system-user",)
REDACTED_NAMES = ("__redacted__",)
"""How Databricks calls its own doing, and people it does not name."""


@dataclass(frozen=True, slots=True)
class Readers:
    """What is known of readers beside their names, all folded; `state` changes with the files that tell it.

    `names` tells what service principals are called, as it is written, by application id; of such a name it also tells
    whose it is: query history may tell the name where lineage tells the id. `groups` tells the members of groups;
    without it, a name that is nothing else is taken for a group's.
    """

    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    groups: Mapping[str, Collection[str]] | None = field(default=None, repr=False)
    service_principals: tuple[str, ...] = ()
    system: tuple[str, ...] = SYSTEM_NAMES
    redacted: tuple[str, ...] = REDACTED_NAMES
    state: str = ""
    _ids: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _told: tuple[tuple[str, Chosen], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[str, set[str]] = {}
        for number, name in self.names.items():
            by_name.setdefault(lowered(name), set()).add(number)
        # A name that two service principals have is nobody's identity.
        object.__setattr__(self, "_ids", {name: min(ids) for name, ids in by_name.items() if len(ids) == 1})
        globs = ((REDACTED, self.redacted), (SYSTEM, self.system), (SERVICE_PRINCIPAL, self.service_principals))
        object.__setattr__(self, "_told", tuple((kind, Chosen.by(told, ())) for kind, told in globs if told))

    def identity(self, name: str) -> str:
        """The folded name that a reader is known by: of a service principal its application id, where that is told."""
        return self._ids.get(name, name)

    def name_of(self, name: str) -> str | None:
        """What a service principal is called; None where nobody says."""
        return self.names.get(self.identity(name))

    def called(self, name: str) -> Iterator[str]:
        """All that a reader may be called when readers are chosen by name."""
        yield name
        if (identity := self.identity(name)) != name:
            yield identity
        if (told := lowered(self.names.get(identity, ""))) and told != name:
            yield told

    def chosen(self, name: str, users: Chosen) -> bool:
        """Whether a reader is among the users, by any of its names."""
        called = tuple(self.called(name))
        return users.includes(called) and not users.leaves_out(called)

    def kind_of(self, name: str) -> str:
        """What a reader is: a person has an e-mail address, a service principal its application id."""
        if not name:
            return UNKNOWN
        name = self.identity(name)
        kinds = (
            *((kind, name in told) for kind, told in self._told),
            (DASHBOARD, name.startswith("dashboard:")),
            (SERVICE_PRINCIPAL, name in self.names or bool(_APPLICATION.fullmatch(name))),
            (GROUP, self.groups is not None and name in self.groups),
            (PERSON, "@" in name),
            (GROUP, self.groups is None),
        )
        return next((kind for kind, so in kinds if so), UNKNOWN)


UNNAMED = Readers()
"""Readers of whom nothing is known but what Databricks tells."""


def kind_of(name: str) -> str:
    """What a reader is as far as its folded name tells."""
    return UNNAMED.kind_of(name)
