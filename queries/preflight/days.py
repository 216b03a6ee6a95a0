"""Which days a source tells of, how fresh it is, and which workspaces it shows."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from miner.checks import Found, failed, passed, skipped
from miner.errors import EmptySourceError
from miner.ports import COLUMN_LINEAGE, QUERY_HISTORY, TABLE_LINEAGE
from queries.preflight.looks import RECENT_DAYS, SCOPE_DAYS, Looks, Scope
from queries.system_tables import KNOWN_TABLES

STALE = timedelta(days=3)
"""Lineage comes within hours. A table whose last event is older than this is not kept up any more."""

MOST_NAMED = 5
"""Workspaces named in a finding."""


def freshness(looks: Looks, now: Callable[[], datetime]) -> Found:
    """When the last event of each table was."""
    last = _last_event(looks)
    if last is None:
        return failed(f"{_name(looks, TABLE_LINEAGE)} holds no row at all", EmptySourceError.MEND)
    told = ", ".join([f"table_lineage up to {_minute(last)} UTC", *_others(looks)])
    if looks.there(COLUMN_LINEAGE) and looks.span(COLUMN_LINEAGE).last is None:
        return failed(told, "check the grants on column_lineage, or set [mining] column_lineage = false")
    if now() - last > STALE:
        return failed(
            f"no event for {(now() - last).days} days: {told}",
            "look whether lineage still reaches this table: its export, the refresh of a copy, the grants of a view",
        )
    return passed(told)


def _last_event(looks: Looks) -> datetime | None:
    if looks.mix.last_event is not None:
        return looks.mix.last_event.astimezone(UTC)
    last = looks.span(TABLE_LINEAGE).last
    return datetime(last.year, last.month, last.day, tzinfo=UTC) if last else None


def _others(looks: Looks) -> Iterator[str]:
    if looks.there(COLUMN_LINEAGE):
        last = looks.span(COLUMN_LINEAGE).last
        yield f"column_lineage up to {last}" if last else "column_lineage is empty"
    if looks.there(QUERY_HISTORY):
        statement = looks.history.last_event
        spoken = f"up to {_minute(statement.astimezone(UTC))} UTC" if statement else f"silent for {RECENT_DAYS} days"
        yield f"query_history {spoken}"


def retention(looks: Looks) -> Found:
    """How far back the lineage tables reach, and whether that is as far as mining is to go."""
    span = looks.span(TABLE_LINEAGE)
    if span.first is None or span.last is None:
        return failed(f"{_name(looks, TABLE_LINEAGE)} holds no row at all", EmptySourceError.MEND)
    told = f"table_lineage from {span.first} on"
    if looks.there(COLUMN_LINEAGE) and (columns := looks.span(COLUMN_LINEAGE).first):
        told += f", column_lineage from {columns} on"
    if span.last < looks.start:
        return failed(
            f"{told}: nothing from [mining] start = {looks.start} on", f"set [mining] start to {span.last} or before"
        )
    lost = (span.first - looks.start).days
    if lost > 0:
        return passed(f"{told}: {lost} days from {looks.start} on are not there")
    return passed(told)


def direct_access(looks: Looks) -> Found:
    """From when on direct access is told from access through a view."""
    first = looks.first_direct
    begins = max(filter(None, (looks.start, looks.span(TABLE_LINEAGE).first)))
    if first is None:
        return skipped(
            f"no event from {looks.start} on tells direct access from access through a view: edges are unverified"
        )
    if first > begins:
        return passed(f"told from {first} on; {(first - begins).days} days before it give unverified edges")
    return passed(f"told from {first} on, the first day to mine")


def scope(looks: Looks) -> Found:
    """Metastores, days and workspaces seen; what a view hides that another table shows is told."""
    scopes = {role: looks.scope(role) for role in (TABLE_LINEAGE, COLUMN_LINEAGE, QUERY_HISTORY) if looks.there(role)}
    hidden = list(filter(None, (_hidden(looks, role, scopes) for role in scopes)))
    told = [
        f"metastore {', '.join(looks.mix.metastores) or 'unknown'}",
        _named(scopes[TABLE_LINEAGE].workspaces),
        *(f"{role} {_extent(one)}" for role, one in scopes.items()),
        *hidden,
    ]
    mend = "a view that filters rows hides what is missing: look at its WHERE, or see uc-miner views" if hidden else ""
    return passed("; ".join(told), mend)


def _hidden(looks: Looks, role: str, scopes: Mapping[str, Scope]) -> str:
    """What a view hides that another table shows; a system table itself lacks what was never recorded."""
    name = looks.reader.tables[role]
    if name == KNOWN_TABLES.get(role):
        return ""
    workspaces = frozenset().union(*(one.workspaces for one in scopes.values())) - scopes[role].workspaces
    days = frozenset(day for one in scopes.values() for day in one.days) - frozenset(scopes[role].days)
    parts = [_named(workspaces)] * bool(workspaces) + [f"{len(days)} of the days"] * bool(days)
    return f"{name} shows nothing of {' and of '.join(parts)}" if parts else ""


def _extent(one: Scope) -> str:
    count = len(one.workspaces)
    return f"{count} workspace{'s' * (count != 1)} on {len(one.days)} of {SCOPE_DAYS} days"


def _named(workspaces: Collection[str]) -> str:
    shown = ", ".join(name or "(none)" for name in sorted(workspaces)[:MOST_NAMED])
    more = f" and {len(workspaces) - MOST_NAMED} more" if len(workspaces) > MOST_NAMED else ""
    return f"workspace{'s' * (len(workspaces) > 1)} {shown or 'unknown'}{more}"


def _name(looks: Looks, role: str) -> str:
    return looks.reader.tables[role]


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
