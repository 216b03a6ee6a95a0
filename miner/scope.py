"""What is mined: globs per part of a name, of what is left out and of what is included, counted by reason."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Globs:
    """Globs (`*` and `?`) over folded names; `paths` are compared with their case, after the text rules.

    A glob of `schemas` or `tables` without a dot is compared with the last part of a name in any catalog and schema,
    one with dots part by part with `catalog.schema` or `catalog.schema.table`.
    """

    catalogs: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    process_kinds: tuple[str, ...] = ()


NO_GLOBS = Globs()

OUTSIDE = ("excluded_", "not_included_")
"""How the fates of rows begin that are out of scope."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a source is mined for. An empty list of `include` includes everything.

    A row outside is a dropped one: `excluded_<part>`, with the glob that matched, or `not_included_<part>`.
    """

    exclude: Globs = NO_GLOBS
    include: Globs = NO_GLOBS

    def digest(self) -> str:
        """16 hex digits that change when any glob changes, whatever the order they are written in."""
        told = {side: {part: sorted(globs) for part, globs in lists.items()} for side, lists in asdict(self).items()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


DEFAULT = Globs(
    catalogs=("system", "samples", "__databricks_internal"),
    schemas=("information_schema", "global_temp", "__dlt_materialization_schema_*", "dbt_cloud_pr_*"),
    tables=("event_log_*", "temp_metric_view_*"),
    paths=(
        "*/_checkpoint*",
        "*/checkpoint",
        "*/checkpoint/*",
        "*/checkpoints",
        "*/checkpoints/*",
        "*/_temporary*",
        "dbfs:/tmp/*",
        "dbfs:/local_disk0/*",
    ),
)
"""Left out unless the settings say otherwise: machinery of the platform and of its tools."""


def pattern(glob: str, before: int = 0) -> str:
    """The regular expression for one glob, anchored, in the common subset of Java and RE2.

    `before` is how many parts of a dotted name may come before what the glob covers. Not `$`, before which Java lets a
    line break stand, nor a bare `.`, which excludes more of them in Java.
    """
    return "(?s:^" + "[^.]*[.]" * before + _body(glob) + r"\z)"


def _body(glob: str) -> str:
    parts = {"*": ".*", "?": "."}
    return "".join(parts.get(char) or _literal(char) for char in glob)


def _literal(char: str) -> str:
    return f"[{char}]" if char in ".+()|{}$[]" and char not in "[]" else re.escape(char)


def alternation(patterns: Sequence[str]) -> str | None:
    """One regular expression that matches what any of them does; None when there are none."""
    return "|".join(patterns) or None


@dataclass(frozen=True, slots=True)
class Covering:
    """Globs over folded names: those without a wildcard, which may be thousands, are looked up."""

    names: frozenset[str]
    pattern: re.Pattern[str] | None

    def covers(self, name: str) -> bool:
        """Whether any of the globs covers the whole of a name."""
        return name in self.names or bool(self.pattern and self.pattern.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Names told by globs: those included, or all when none is told, without those left out."""

    included: Covering | None = None
    left_out: Covering | None = None

    @classmethod
    def by(cls, include: Sequence[str], exclude: Sequence[str]) -> Self:
        """Choose by globs, whatever their case; names are folded already."""
        return cls(_compiled(include), _compiled(exclude))

    @property
    def everything(self) -> bool:
        """Whether every name is chosen."""
        return self.included is None and self.left_out is None

    def __contains__(self, name: str) -> bool:
        """Whether a folded name is chosen."""
        return self.includes((name,)) and not self.leaves_out((name,))

    def includes(self, names: Sequence[str]) -> bool:
        """Whether what has these folded names is included."""
        return self.included is None or any(map(self.included.covers, names))

    def leaves_out(self, names: Sequence[str]) -> bool:
        """Whether what has these folded names is left out."""
        return self.left_out is not None and any(map(self.left_out.covers, names))


def lowered(text: str) -> str:
    """Lower case as every engine answers it: the rule of the same name in `queries/rules.sql`."""
    one_by_one = (char.lower() for char in text)  # in a whole word, a sigma at its end becomes another letter
    return "".join(one_by_one)


def _compiled(globs: Sequence[str]) -> Covering | None:
    if not globs:
        return None
    folded = {lowered(glob) for glob in globs}
    wild = {glob for glob in folded if "*" in glob or "?" in glob}
    pattern = re.compile("|".join(map(_body, sorted(wild))), re.DOTALL) if wild else None
    return Covering(frozenset(folded - wild), pattern)
