"""What a source shows of its tables' rows, held against what other tables and days mined before say is there."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa
import structlog

from miner import schemas
from miner.errors import ShrunkDayError
from miner.ledger import LINEAGE, Ledger, reading
from miner.ports import COLUMN_LINEAGE, QUERY_HISTORY, TABLE_LINEAGE, SystemTables

log = structlog.get_logger()

SHOWN_DAYS = 30
"""Days before today whose rows are counted by day and workspace."""

COMPARED = (TABLE_LINEAGE, COLUMN_LINEAGE, QUERY_HISTORY)
"""Tables whose rows have a workspace and a day."""

SHRINK_LIMIT = 0.1
"""A mined day may lose this share of its rows; one that loses more is refused, or told."""

MOST_NAMED = 5
"""Workspaces named at most."""

STALE_DAYS = 3
"""Lineage comes within hours. A table whose last event is older than this is not kept up any more."""

STALE_MEND = "look whether lineage still reaches this table: its export, the refresh of a copy, the grants of a view"

MEND = "a view that filters rows hides what is missing: look at its WHERE, or see uc-miner views"

ByDay = Mapping[date, Mapping[str, int]]
"""Rows by day and workspace; workspace '' where none is named."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Rows that a table shows by day and workspace."""

    rows: ByDay = field(default_factory=dict)

    @property
    def days(self) -> frozenset[date]:
        """Days with rows."""
        return frozenset(self.rows)

    @property
    def workspaces(self) -> frozenset[str]:
        """Workspaces with rows."""
        return frozenset().union(*self.rows.values())

    def until(self, end: date) -> "Shown":
        """What is shown of the days before one: the tables come up with a day at different hours."""
        return Shown({day: rows for day, rows in self.rows.items() if day < end})


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not meet the expectation, and what to do about it; `lost` where days mined before had it."""

    text: str
    mend: str
    lost: bool = False


def hidden(shown: Mapping[str, Shown], views: Mapping[str, str], known: ByDay, today: date) -> Iterator[Finding]:
    """Say what views hide that other tables show, and what table_lineage has lost of days mined before.

    `shown` by role; `views` are the tables by role that are not the system tables themselves, which lack only what was
    never recorded. Today is left out.
    """
    past = {role: one.until(today) for role, one in shown.items()}
    for role in past.keys() & views.keys():
        if text := _not_shown(role, past):
            yield Finding(f"{views[role]} {text}", MEND)
    if TABLE_LINEAGE in past and (text := _lost(past[TABLE_LINEAGE], known)):
        yield Finding(f"{views.get(TABLE_LINEAGE, TABLE_LINEAGE)} of {text}", ShrunkDayError.MEND, lost=True)


def _not_shown(role: str, shown: Mapping[str, Shown]) -> str:
    workspaces = frozenset().union(*(one.workspaces for one in shown.values())) - shown[role].workspaces
    days = frozenset().union(*(one.days for one in shown.values())) - shown[role].days
    parts = [named(workspaces)] * bool(workspaces) + [f"{len(days)} of the days"] * bool(days)
    return f"shows nothing of {' and of '.join(parts)}" if parts else ""


def _lost(shown: Shown, known: ByDay) -> str:
    """The first day that lost rows, and how many more did; days before the first one shown may be gone for good."""
    first = min(shown.days, default=None)
    losses = {
        day: text
        for day, rows in sorted(known.items())
        if first is not None and day >= first and (text := loss(rows, shown.rows.get(day, {})))
    }
    if not losses:
        return ""
    day, text = next(iter(losses.items()))
    return f"{day}: {text}" + (f"; so it is with {len(losses) - 1} more days" if len(losses) > 1 else "")


def loss(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """How a mined day shrank beyond the limit, from rows by workspace; empty when it did not."""
    gone = sorted(name for name, rows in before.items() if rows and not now.get(name))
    had, has = sum(before.values()), sum(now.values())
    if not gone and has >= had * (1 - SHRINK_LIMIT):
        return ""
    return f"{had} rows when it was mined, {has} now" + (f", {named(gone)} gone" if gone else "")


def named(workspaces: Collection[str]) -> str:
    """Workspaces as a person reads them; not more than a few."""
    shown = ", ".join(name or "(none)" for name in sorted(workspaces)[:MOST_NAMED])
    more = f" and {len(workspaces) - MOST_NAMED} more" if len(workspaces) > MOST_NAMED else ""
    return f"workspace{'s' * (len(workspaces) > 1)} {shown or 'unknown'}{more}"


def first_shown(today: date) -> date:
    """The first day whose rows are counted."""
    return today - timedelta(days=SHOWN_DAYS)


@dataclass(frozen=True, slots=True)
class ViewWatch:
    """Holds what the views of a source show against what the ledger knew before the days were mined again."""

    source: str
    tables: SystemTables
    today: date
    known: ByDay

    @classmethod
    def before_mining(cls, source: str, tables: SystemTables, ledger: Ledger, today: date) -> "ViewWatch":
        """Remember what is mined, whose rows may be fewer after the run."""
        with ledger.reading() as connection:
            known = reading.rows_by_workspace(connection, source, LINEAGE, first_shown(today), today)
        return cls(source, tables, today, known)

    def findings(self) -> list[Finding]:
        """Look through the views; nothing is asked where a source reads the system tables. Raises SourceError."""
        views = self.tables.views()
        if not views:
            return []
        shown = {}
        for role in COMPARED:
            rows = self.tables.shown(role, first_shown(self.today), self.today)
            if rows is not None:
                shown[role] = Shown(by_day(rows))
        found = list(hidden(shown, views, self.known, self.today))
        for one in found:
            log.warning("view.narrow", source=self.source, finding=one.text, mend=one.mend)
        return found


def by_day(totals: pa.Table) -> ByDay:
    """Rows by day and workspace, of `miner.schemas.TOTALS`."""
    counted: defaultdict[date, dict[str, int]] = defaultdict(dict)
    for day, workspace, rows in zip(*(totals[name].to_pylist() for name in schemas.TOTALS.names), strict=True):
        counted[day][workspace] = rows
    return counted
