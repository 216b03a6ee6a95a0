"""Rules of the user: names of assets for what the miner's own rules do not know, or get wrong.

A rule's pattern, a regular expression, has to match the whole name of a dataset: `catalog.schema.table` in lower case,
a path as it is written, or an OpenLineage namespace and name joined by a slash. `{group}` in the qualified name stands
for a named group of the pattern, `{metastore}` for the metastore's id; tokens of resource sets stay as they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sinks.purview.naming.candidates import Candidate
from sinks.purview.naming.partitions import TOKENS

METASTORE = "metastore"

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what matches, the type of the asset, and how its qualified name is written."""

    pattern: str
    type_name: str
    qualified_name: str

    def fields(self) -> set[str]:
        """The groups that the qualified name asks for."""
        return {name for name in _FIELD.findall(self.qualified_name) if f"{{{name}}}" not in TOKENS} - {METASTORE}


def checked(rule: Rule) -> Rule:
    """The rule when it can be applied. Raises ValueError with what is wrong."""
    try:
        groups = compiled(rule.pattern).groupindex
    except (re.error, RecursionError, OverflowError):
        raise ValueError("is no regular expression") from None
    if missing := sorted(rule.fields() - set(groups)):
        raise ValueError(f"has no group called {missing[0]}, which qualified_name asks for")
    return rule


@lru_cache(maxsize=1_024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled once."""
    return re.compile(pattern, re.DOTALL)


def applied(rules: Sequence[Rule], text: str, metastore_id: str) -> Iterator[Candidate]:
    """A candidate for each rule that matches, in the order of the rules."""
    for number, rule in enumerate(rules, start=1):
        if found := compiled(rule.pattern).fullmatch(text):
            values = {**found.groupdict(default=""), METASTORE: metastore_id}
            yield Candidate(rule.type_name, _filled(rule.qualified_name, values), f"rule {number} of the settings")


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: values.get(field[1], field[0]), template)
