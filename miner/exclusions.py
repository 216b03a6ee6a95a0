"""What is left out when mining: globs per part of a name, counted rule by rule."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Globs (`*` and `?`) over folded names; `paths` are compared with their case, after the text rules.

    An excluded end makes the row a dropped one, counted under `excluded_<part>` and the glob that matched.
    """

    catalogs: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    process_kinds: tuple[str, ...] = ()

    def digest(self) -> str:
        """16 hex digits that change when any glob changes, whatever the order they are written in."""
        text = json.dumps({part: sorted(globs) for part, globs in asdict(self).items()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


DEFAULT = Exclusions(
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
"""Machinery of the platform and of its tools; every one can be taken away in the settings."""


def pattern(glob: str) -> str:
    """The regular expression for one glob, anchored, in the common subset of Java and RE2.

    Not `$`, before which Java lets a line break stand, nor a bare `.`, which excludes more of them in Java.
    """
    parts = {"*": ".*", "?": "."}
    return "(?s:^" + "".join(parts.get(char) or _literal(char) for char in glob) + r"\z)"


def _literal(char: str) -> str:
    return f"[{char}]" if char in ".+()|{}$[]" and char not in "[]" else re.escape(char)


def alternation(globs: tuple[str, ...]) -> str:
    """One regular expression that matches any of the globs; one that matches nothing when there are none."""
    return "|".join(pattern(glob) for glob in globs) or r"[^\s\S]"
