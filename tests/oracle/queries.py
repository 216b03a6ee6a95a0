"""Statements of the query history: what each says whatever its literals, what it read, and which stand by themselves.

Statements that no lineage tells of count once in all, under no dataset.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tests.oracle.names import Dataset, dataset, lowered
from tests.oracle.scope import EVERYTHING, Fates, Row, Rows, Scope, matching, outside
from tests.oracle.usage import counting, latest, usage_fate

BLANK = " \t\n\f\r\x0b"
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
_DIGITS = "0123456789"
TAG = ("application", "uc-lineage-miner")


class Statement(NamedTuple):
    """Whose figures these are: of one dataset, or of none for all statements; without fingerprint, of all the others."""

    metastore: str | None
    dataset: Dataset | None
    fingerprint: str | None
    type: str | None = None
    reader: str | None = None
    kind: str | None = None
    client: str | None = None
    warehouse: str | None = None


@dataclass
class Runs:
    """One day of one Statement; what is below `cancelled_runs` is of runs that finished and were not cached."""

    runs: int = 0
    cached_runs: int = 0
    failed_runs: int = 0
    cancelled_runs: int = 0
    duration_ms: int = 0
    longest_ms: int = 0
    task_ms: int = 0
    read_bytes: int = 0
    read_rows: int = 0
    produced_rows: int = 0
    last_run_at: datetime | None = None

    def add(self, other: "Runs") -> None:
        """Add the figures of more statements."""
        for field in fields(Runs):
            mine, more = getattr(self, field.name), getattr(other, field.name)
            if field.name == "last_run_at":
                self.last_run_at = max(time for time in (mine, more) if time) if mine or more else None
            else:
                setattr(self, field.name, max(mine, more) if field.name == "longest_ms" else mine + more)


@dataclass(frozen=True)
class Told:
    """One statement, from all its rows."""

    workspace: str
    statement: str | None
    rows: int
    type: str
    said: str
    reader: str
    kind: str
    client: str
    warehouse: str
    outcome: str
    origin: str | None
    figures: Runs
    fate: tuple[str, str] = ("", "")

    @property
    def fingerprint(self) -> str:
        """MD5 over the type and what is said, with the unit separator between."""
        return hashlib.md5(f"{self.type}\x1f{self.said}".encode(), usedforsecurity=False).hexdigest()


def _word(char: str) -> bool:
    return char in _PLAIN or char in _DIGITS or char >= "\x80"


def _run(text: str, start: int, belongs: Callable[[str], bool]) -> int:
    """Where a run of characters ends."""
    while start < len(text) and belongs(text[start]):
        start += 1
    return start


def _quoted(text: str, start: int) -> int:
    """Where a quoted text or name ends that begins here; the same place when none does."""
    end = text.find(text[start], start + 1) if text[start] in "'\"`" else -1
    return end + 1 or start


def _scanned(text: str, step: Callable[[str, int], tuple[int, str] | None]) -> str:
    """The text with what a step takes replaced by what it gives, from left to right."""
    told, place = [], 0
    while place < len(text):
        taken = step(text, place)
        place, out = taken or (place + 1, text[place])
        told.append(out)
    return "".join(told)


def _escape(text: str, at: int) -> tuple[int, str] | None:
    return (at + 2, "_") if text[at] == "\\" and text[at + 1 : at + 2] not in ("", "\n", "\r") else None


def _comment(text: str, at: int) -> tuple[int, str] | None:
    if (end := _quoted(text, at)) > at:
        return end, f"{text[at:end]} "
    if text.startswith("--", at):
        return _run(text, at, lambda char: char not in "\n\r"), " "
    end = text.find("*/", at + 2) if text.startswith("/*", at) else -1
    return (end + 2, " ") if end >= 0 else None


def _literal(text: str, at: int) -> tuple[int, str] | None:
    """Names stay; a text in quotes or a number is a question mark."""
    char = text[at]
    if (end := _quoted(text, at)) > at:
        return end, text[at:end] if char == "`" else "?"
    if _word(char) and char not in _DIGITS:
        end = _run(text, at, _word)
        return end, text[at:end]
    if char not in _DIGITS:
        return None
    end = _run(text, at, lambda char: char in _DIGITS)
    if text[end : end + 1] == "_":
        end = _run(text, end, _word)
        return end, text[at:end]
    if text[end : end + 1] == "." and text[end + 1 : end + 2] in tuple(_DIGITS):
        end = _run(text, end + 1, lambda char: char in _DIGITS)
    sign = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
    if text[end : end + 1] in ("e", "E") and text[sign : sign + 1] in tuple(_DIGITS):
        end = _run(text, sign, lambda char: char in _DIGITS)
    return _run(text, end, lambda char: char in _DIGITS or (char in _PLAIN and char != "_")), "?"


def _neighbours(text: str, at: int) -> tuple[int, str] | None:
    return (_run(text, at, lambda char: char in BLANK + "?"), " ? ") if text[at] == "?" else None


def _list(text: str, at: int) -> tuple[int, str] | None:
    first = _run(text, at + 1, lambda char: char in BLANK + "+-") if text[at] == "(" else len(text)
    if text[first : first + 1] != "?":
        return None
    end = _run(text, first, lambda char: char in BLANK + "?,+-")
    return (end + 1, "(?)") if text[end : end + 1] == ")" else None


def _lists(text: str, at: int) -> tuple[int, str] | None:
    if not text.startswith("(?)", at):
        return None
    last = text.rfind("(?)", at + 3, _run(text, at + 3, lambda char: char in BLANK + "?,()"))
    return (last + 3, "(?)") if last >= 0 else None


def _plain_name(text: str, at: int) -> tuple[int, str] | None:
    end = _run(text, at + 1, lambda char: char in _PLAIN + _DIGITS)
    plain = text[at] == "`" and end > at + 1 and text[at + 1] in _PLAIN and text[end : end + 1] == "`"
    return (end + 1, text[at + 1 : end]) if plain else None


def _sign(text: str, at: int) -> tuple[int, str] | None:
    end = _run(text, at, lambda char: char in "=<>!+*/%|")
    end = end if end > at else at + (text[at] in "-,();")
    return (end, f" {text[at:end]} ") if end > at else None


def plain_statement(text: str) -> str:
    """What a text says: no comments, a question mark for literals and lists of them, one way to set blanks, lower case."""
    for step in (_escape, _comment, _literal, _neighbours, _list, _lists, _plain_name, _sign):
        text = _scanned(text, step)
    text = _scanned(
        text, lambda text, at: (_run(text, at, lambda char: char in BLANK), " ") if text[at] in BLANK else None
    )
    for old, new in ((" .", "."), (". ", "."), ("( ", "("), (" ,", ","), (" )", ")"), (" ;", ";")):
        text = text.replace(old, new)
    return lowered(text.removeprefix(" ").rstrip(" ;"))


def _process(row: Row) -> tuple[str, str | None]:
    source = row["query_source"] or {}
    kinds = {
        "alert": source.get("alert_id"), "genie_space": source.get("genie_space_id"),
        "dashboard": source.get("dashboard_id"), "legacy_dashboard": source.get("legacy_dashboard_id"),
        "pipeline": (source.get("pipeline_info") or {}).get("pipeline_id"),
        "job": (source.get("job_info") or {}).get("job_id"),
        "notebook": source.get("notebook_id"), "query": source.get("sql_query_id"),
    }  # fmt: skip
    board = source.get("dashboard_id") or source.get("legacy_dashboard_id")
    return next((kind for kind, number in kinds.items() if number), "ad_hoc"), board or None


def _told(rows: Collection[Row], scope: Scope) -> Told:
    workspace, statement = next(iter(rows))["workspace_id"] or "", next(iter(rows))["statement_id"]
    text = max((row["statement_text"] for row in rows if row["statement_text"] is not None), default=None)
    said = plain_statement(text[:50_000]) if text is not None and text != "<REDACTED>" else ""
    kind = max(_process(row)[0] for row in rows)
    board = latest(_process(row)[1] for row in rows)
    executed_by = latest(row["executed_by"] for row in rows)
    reader = executed_by or (f"dashboard:{board}" if board and kind.endswith("dashboard") else "")
    status = max((row["execution_status"] for row in rows if row["execution_status"] is not None), default=None)
    cached = any(row["from_result_cache"] for row in rows)
    outcome = {"FAILED": "failed", "CANCELED": "cancelled"}.get(status or "", "cached" if cached else "run")
    tagged = any((TAG in (row["query_tags"] or ())) for row in rows)
    told = Told(
        workspace, statement, len(rows), (latest(row["statement_type"] for row in rows) or "").upper(), said,
        lowered(reader.strip(" ")), kind, latest(row["client_application"] for row in rows) or "",
        latest((row["compute"] or {}).get("warehouse_id") for row in rows) or "",
        outcome, latest(row["cache_origin_statement_id"] for row in rows), _figures(rows, outcome),
    )  # fmt: skip
    return replace(told, fate=_fate(told, executed_by, scope, tagged=tagged))


def _figures(rows: Collection[Row], outcome: str) -> Runs:
    def most(name: str) -> int:
        return max((row[name] for row in rows if row[name] is not None), default=0)

    figures = Runs(last_run_at=max(row["start_time"] for row in rows))
    setattr(figures, "runs" if outcome == "run" else f"{outcome}_runs", 1)
    if outcome == "run":
        figures.duration_ms = figures.longest_ms = most("total_duration_ms")
        figures.task_ms = most("total_task_duration_ms")
        figures.read_bytes, figures.read_rows = most("read_bytes"), most("read_rows")
        figures.produced_rows = most("produced_rows")
    return figures


def _fate(told: Told, executed_by: str | None, scope: Scope, *, tagged: bool) -> tuple[str, str]:
    own = executed_by and lowered(executed_by) == lowered(scope.principal) and tagged
    workspace, kind = matching(told.workspace, scope.workspaces), matching(told.kind, scope.process_kinds)
    reasons = (
        (workspace, "excluded_workspace"),
        (outside(told.workspace, scope.include.workspaces), "not_included_workspace"),
        (kind, "excluded_process_kind"),
        (outside(told.kind, scope.include.process_kinds), "not_included_process_kind"),
        (told.statement is None, "no_statement"),
        (own, "own_statement"),
        (not told.said, "no_text"),
    )
    fate = next((fate for holds, fate in reasons if holds), "kept")
    return fate, {"excluded_workspace": workspace, "excluded_process_kind": kind}.get(fate) or ""


def statements_of(day: date, history: Rows, scope: Scope) -> list[Told]:
    """The statements that began on a day."""
    rows = defaultdict(list)
    for row in history:
        if row["start_time"].date() == day:
            rows[row["workspace_id"] or "", row["statement_id"]].append(row)
    return [_told(told, scope) for told in rows.values()]


def query_fates(day: date, history: Rows, scope: Scope = EVERYTHING) -> Fates:
    """Rows of the history by fate."""
    found: Fates = Counter()
    for told in statements_of(day, history, scope):
        found[told.fate] += told.rows
    return found


def _read(told: Told, day: date, lineage: Rows, scope: Scope) -> set[tuple[str, Dataset]]:
    """The datasets that a statement, or the one that filled the cache for it, read directly as usage counts reads."""
    found = set()
    yesterday, tomorrow = day - timedelta(days=1), day + timedelta(days=1)
    for row in lineage:
        same = (row["workspace_id"] or "") == told.workspace
        own = row["statement_id"] == told.statement and yesterday <= row["event_date"] <= tomorrow
        origin = told.origin if told.outcome == "cached" and told.origin != told.statement else None
        cached = origin is not None and row["statement_id"] == origin and yesterday <= row["event_date"] <= day
        if same and (own or cached) and row.get("direct_access") is not False and usage_fate(row, scope)[0] == "kept":
            source = counting(row, "source", scope)
            if source and source != dataset(row, "target"):
                found.add((row["metastore_id"] or "", source))
    return found


def query_runs(
    day: date, lineage: Rows, history: Rows, scope: Scope = EVERYTHING, most: int = 100
) -> dict[Statement, Runs]:
    """Statements of a day by what they read and say; those that lead no list of a dataset's first `most` are summed."""
    found: dict[Statement, Runs] = defaultdict(Runs)
    for told in statements_of(day, history, scope):
        if told.fate[0] in ("kept", "no_text"):
            for metastore, name in [(None, None), *_read(told, day, lineage, scope)]:
                whose = told.reader, told.kind, told.client, told.warehouse
                found[Statement(metastore, name, told.fingerprint, told.type, *whose)].add(told.figures)
    folded: dict[Statement, Runs] = defaultdict(Runs)
    leading = {of: _leading(found, of, most) for of in {(one.metastore, one.dataset) for one in found}}
    for one, figures in found.items():
        led = one.fingerprint in leading[one.metastore, one.dataset]
        folded[one if led else Statement(one.metastore, one.dataset, None)].add(figures)
    return dict(folded)


def _leading(found: dict[Statement, Runs], of: tuple[str | None, Dataset | None], most: int) -> set[str]:
    sums: dict[str, Runs] = defaultdict(Runs)
    for one, figures in found.items():
        if (one.metastore, one.dataset) == of:
            sums[one.fingerprint].add(figures)
    asked = {name: one.runs + one.cached_runs for name, one in sums.items()}
    orders: tuple[Callable[[str], tuple], ...] = (
        lambda name: (-asked[name], name),
        lambda name: (not sums[name].runs, -sums[name].duration_ms / (sums[name].runs or 1), -asked[name], name),
        lambda name: (-sums[name].task_ms, -sums[name].read_bytes, -asked[name], name),
        lambda name: (-(sums[name].failed_runs + sums[name].cancelled_runs), -asked[name], name),
    )
    return {name for order in orders for name in sorted(sums, key=order)[:most]}
