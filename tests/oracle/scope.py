"""What the figures are of, what is left out of them, and the reasons both streams look at first."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.oracle.names import Dataset, dataset

Row = Mapping[str, Any]
Rows = Iterable[Row]
Fates = Counter[tuple[str, str]]
"""Rows by (fate, glob that left them out)."""


@dataclass(frozen=True)
class Lists:
    """Globs by what they name; in `schemas` and `tables` one with dots names the catalog (and schema) as well."""

    catalogs: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    process_kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope(Lists):
    """What is left out, what is included, and whose reads of which tables (folded, three parts) are the miner's own."""

    include: Lists = field(default_factory=Lists)
    principal: str = ""
    own_tables: Collection[str] = ()


EVERYTHING = Scope()


def on(day: date, rows: Rows) -> Iterator[Row]:
    """The lineage rows of a day."""
    return (row for row in rows if row["event_date"] == day)


def matching(text: str | None, globs: Iterable[str]) -> str | None:
    """The first glob that covers the whole text: `*` is any text, `?` any one character."""
    for glob in globs:
        wanted = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in glob)
        if text is not None and re.fullmatch(wanted, text, re.DOTALL):
            return glob
    return None


def process(row: Row) -> tuple[str, str | None]:
    """Kind and id of what moved the data, most telling first; an ad hoc one has no id of its own."""
    told = row.get("entity_metadata") or {}
    ids = {
        "alert": told.get("alert_id"),
        "genie_space": told.get("genie_space_id"),
        "dashboard": told.get("dashboard_id"),
        "legacy_dashboard": told.get("legacy_dashboard_id"),
        "pipeline": (told.get("dlt_pipeline_info") or {}).get("dlt_pipeline_id"),
        "job": (told.get("job_info") or {}).get("job_id"),
        "notebook": told.get("notebook_id"),
        "query": told.get("sql_query_id"),
    }
    for kind, identity in ids.items():
        if identity:
            return kind, identity
    kinds = {"DASHBOARD_V3": "dashboard", "DBSQL_DASHBOARD": "legacy_dashboard", "DBSQL_QUERY": "query"}
    kind, identity = row["entity_type"], row["entity_id"]
    return (kinds.get(kind.upper(), kind.lower()), identity) if kind and identity else ("ad_hoc", None)


def outside(text: str | None, included: Sequence[str]) -> bool:
    """Whether a list of what is included leaves a text out; an empty list includes everything."""
    return bool(included) and matching(text, included) is None


def covering(parts: Sequence[str | None], globs: Iterable[str]) -> str | None:
    """The first glob that covers a name: its last part, or with dots each of as many parts, from the last on."""
    for glob in globs:
        wanted = glob.split(".")
        told = parts[len(parts) - len(wanted) :]
        if len(told) == len(wanted) and all(map(matching, told, ([one] for one in wanted))):
            return glob
    return None


def left_out(end: Dataset | None, scope: Scope) -> tuple[str, str] | None:
    """Why an end is left out, and by which glob: first what is left out, then what is not included.

    A list of paths says nothing of tables, nor the other lists of paths; an empty list includes everything.
    """
    if end is None:
        return None
    if end.name is None:
        if glob := matching(end.path, scope.paths):
            return "excluded_path", glob
        return ("not_included_path", "") if outside(end.path, scope.include.paths) else None
    lists = {"catalog": "catalogs", "schema": "schemas", "table": "tables"}
    for depth, (part, plural) in enumerate(lists.items(), start=1):
        if glob := covering(end[:depth], getattr(scope, plural)):
            return f"excluded_{part}", glob
    for depth, (part, plural) in enumerate(lists.items(), start=1):
        included = getattr(scope.include, plural)
        if included and not covering(end[:depth], included):
            return f"not_included_{part}", ""
    return None


def first_reason(row: Row, scope: Scope) -> tuple[str, str] | None:
    """The reasons that both streams look at first."""
    ends = dataset(row, "source"), dataset(row, "target")
    if glob := matching(row["workspace_id"] or "", scope.workspaces):
        return "excluded_workspace", glob
    if outside(row["workspace_id"] or "", scope.include.workspaces):
        return "not_included_workspace", ""
    if glob := matching(process(row)[0], scope.process_kinds):
        return "excluded_process_kind", glob
    if outside(process(row)[0], scope.include.process_kinds):
        return "not_included_process_kind", ""
    if any(end and end.name and not (end.catalog and end.schema) for end in ends):
        return "incomplete_name", ""
    return None if any(ends) else ("no_dataset", "")
