"""Which days a source tells of, how fresh it is, and which workspaces it shows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from miner.checks import Found, failed, passed, skipped
from miner.errors import EmptySourceError
from miner.ports import COLUMN_LINEAGE, QUERY_HISTORY, TABLE_LINEAGE
from miner.visible import COMPARED, SHOWN_DAYS, STALE_DAYS, STALE_MEND, Shown, hidden, named
from queries.preflight.looks import RECENT_DAYS, Looks


def freshness(looks: Looks, now: Callable[[], datetime]) -> Found:
    """When the last event of each table was."""
    last = _last_event(looks)
    if last is None:
        return failed(f"{_name(looks, TABLE_LINEAGE)} holds no row at all", EmptySourceError.MEND)
    told = ", ".join([f"table_lineage up to {_minute(last)} UTC", *_others(looks)])
    if looks.there(COLUMN_LINEAGE) and looks.span(COLUMN_LINEAGE).last is None:
        return failed(told, "check the grants on column_lineage, or set [mining] column_lineage = false")
    if now() - last > timedelta(days=STALE_DAYS):
        return failed(f"no event for {(now() - last).days} days: {told}", STALE_MEND)
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
            f"{told}: nothing from [mining] start = {looks.start} on", EmptySourceError.START_MEND.format(span.last)
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
    """Metastores, days and workspaces seen; what a view hides that another table shows, or days mined before had."""
    shown = {role: one for role in COMPARED if (one := looks.shown(role)) is not None}
    found = list(hidden(shown, looks.reader.views(), looks.known(), looks.today))
    told = "; ".join(
        [
            f"metastore {', '.join(looks.mix.metastores) or 'unknown'}",
            named(shown[TABLE_LINEAGE].workspaces),
            *(f"{role} {_extent(one)}" for role, one in shown.items()),
            *(one.text for one in found),
        ]
    )
    mend = "; ".join(dict.fromkeys(one.mend for one in found))
    return failed(told, mend) if any(one.lost for one in found) else passed(told, mend)


def _extent(one: Shown) -> str:
    count = len(one.workspaces)
    return f"{count} workspace{'s' * (count != 1)} on {len(one.days)} of {SHOWN_DAYS} days"


def _name(looks: Looks, role: str) -> str:
    return looks.reader.tables[role]


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
