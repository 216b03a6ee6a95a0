"""What is left out of the figures, and the reasons both streams look at first."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.names import Dataset, dataset

Row = Mapping[str, Any]
Rows = Iterable[Row]
Fates = Counter[tuple[str, str]]
"""Rows by (fate, glob that left them out)."""


@dataclass(frozen=True)
class Scope:
    """What is left out, as globs, and whose reads of which tables (folded, three parts) are the miner's own."""

    catalogs: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    process_kinds: tuple[str, ...] = ()
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


def left_out(end: Dataset | None, scope: Scope) -> tuple[str, str] | None:
    """Why an end is left out, and by which glob."""
    for part, value, globs in zip(
        ("catalog", "schema", "table", "path"),
        end or (None,) * 4,
        (scope.catalogs, scope.schemas, scope.tables, scope.paths),
        strict=True,
    ):
        if glob := matching(value, globs):
            return f"excluded_{part}", glob
    return None


def first_reason(row: Row, scope: Scope) -> tuple[str, str] | None:
    """The reasons that both streams look at first."""
    ends = dataset(row, "source"), dataset(row, "target")
    if glob := matching(row["workspace_id"] or "", scope.workspaces):
        return "excluded_workspace", glob
    if glob := matching(process(row)[0], scope.process_kinds):
        return "excluded_process_kind", glob
    if any(end and end.name and not (end.catalog and end.schema) for end in ends):
        return "incomplete_name", ""
    return None if any(ends) else ("no_dataset", "")
