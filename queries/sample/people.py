"""Who works in an estate, and where: principals as lineage names them, workspaces, warehouses."""

from dataclasses import dataclass

import numpy as np

from queries.sample import words
from queries.sample.labels import texts, uuids

MINER = "5eed0a11-0c0f-4b0e-9d1a-000000000001"
"""The service principal that mines a sample estate: its reads of system tables are in the rows, to be left out."""

REDACTED = "__REDACTED__"
SYSTEM_USER = "System-User"

WORKSPACES = (
    ("prod", "7405610000000101"),
    ("analytics", "7405610000000202"),
    ("data-science", "7405610000000303"),
    ("finance", "7405610000000404"),
    ("dev", "7405610000000505"),
)
"""Name and id. Finance uses customer-managed keys (its statement texts are empty), data-science hides its texts."""

PROD, ANALYTICS, SCIENCE, FINANCE, DEV = range(5)


@dataclass(frozen=True, slots=True)
class Principals:
    """Names by number: people first (the busiest first), then service principals, then the odd ones."""

    names: tuple[str | None, ...]
    people: int
    services: int

    def person(self, position: int) -> int:
        return position % self.people

    def service(self, position: int) -> int:
        return self.people + position % self.services

    def odd(self, name: str | None) -> int:
        """The number of a principal that is neither person nor ordinary service principal."""
        return self.names.index(name, self.people + self.services)

    def executed_by(self) -> tuple[str | None, ...]:
        """The names as query history gives them: it knows the user even where lineage has none."""
        return tuple("unknown.to.lineage@contoso.com" if name is None else name for name in self.names)


GROUP = "data-platform-admins"


def hire(tables: int, rng: np.random.Generator) -> Principals:
    """A person for every twelve tables (12 to 3,000 people) and a service principal for every forty (6 to 400)."""
    people = min(max(tables // 12, 12), 3_000)
    services = min(max(tables // 40, 6), 400)
    applications = texts(uuids(services, rng))
    names = (*(_email(n) for n in range(people)), *applications, GROUP, SYSTEM_USER, REDACTED, MINER, None)
    return Principals(names, people, services)


def _email(number: int) -> str:
    given = words.GIVEN_NAMES[number % len(words.GIVEN_NAMES)]
    family = words.FAMILY_NAMES[(number * 7 + number // len(words.GIVEN_NAMES)) % len(words.FAMILY_NAMES)]
    again = number // (len(words.GIVEN_NAMES) * len(words.FAMILY_NAMES))
    return f"{given}.{family}{again or ''}@contoso.com"
