"""What a demo found, in a page worth reading."""

from collections.abc import Iterator
from pathlib import Path

from schedules.console.run import show_balance, show_changes, show_notes
from schedules.console.screen import Column, Screen, number, share
from schedules.demo import Demo
from schedules.demo.findings import PopularTable

_MOST_UNREAD = 5


def show_demo(screen: Screen, demo: Demo) -> None:
    """Rows, edges, coverage, popular and unread tables, entities, and where things are."""
    rows = demo.ran.balance.rows(("lineage", "table_lineage"))
    made = "Mined" if demo.folder.data else "Mined a made-up estate"
    days = f"{demo.estate.first} to {demo.estate.last}"
    screen.line(f"{made}: {days}, {rows:,} lineage events, {demo.coverage.edges:,} edges", "bold")
    screen.heading("What became of the rows (each counted once in every column)")
    show_balance(screen, demo.ran.balance)
    screen.heading("Coverage")
    screen.table((Column(""), number(""), number(""), Column("")), _coverage(demo))
    _show_popular(screen, demo)
    _show_unread(screen, demo)
    if demo.ran.outcome.changes is not None:
        screen.heading("Entities for Purview")
        show_changes(screen, demo.ran.outcome.changes)
    show_notes(screen, demo.ran)
    _show_places(screen, demo)


def _coverage(demo: Demo) -> Iterator[tuple[object, ...]]:
    found = demo.coverage
    for name, count, whole, meaning in (
        ("edges with column pairs", found.edges_with_columns, found.edges, ""),
        ("edges that end in a path", found.edges_with_a_path, found.edges, "no table is known there"),
        ("edges not verified", found.edges_unverified, found.edges, "direct or through a view: not told"),
        ("reads", found.reads, None, "one dataset by one statement or run"),
        ("reads by nobody known", found.reads_without_reader, found.reads, "no reader, but a read"),
        ("reads of cached results", found.cached_reads, None, "beside the reads; told by query history"),
        ("reads that failed", found.failed_reads, None, "beside the reads; told by query history"),
        ("tables in use", found.tables, None, ""),
        ("paths in use", found.paths, None, "where no table is known"),
    ):
        yield name, count, share(count, whole or 0), meaning
    for name in demo.estate.absent:
        yield f"without {name}", None, "", "not in the export"


def _show_popular(screen: Screen, demo: Demo) -> None:
    screen.heading(f"Most popular tables (30 days up to {demo.estate.last}; score = readers * ln(1 + reads))")
    names = ("score", "reads", "readers", "people", "week")
    heads = [Column("table"), *(number(name) for name in names), Column("last read")]
    screen.table(heads, [_popular(table) for table in demo.popular])


def _popular(found: PopularTable) -> tuple[object, ...]:
    trend = "" if found.trend is None else f"{found.trend:+.0%}"
    last = f"{found.last_read:%Y-%m-%d}" if found.last_read else ""
    return found.table, f"{found.score:.0f}", found.reads, found.readers, found.people, trend, last


def _show_unread(screen: Screen, demo: Demo) -> None:
    screen.heading(f"Written, with no recorded read: {len(demo.unread):,} tables")
    rows = [(one.table, one.writes, f"{one.last_write:%Y-%m-%d}") for one in demo.unread[:_MOST_UNREAD]]
    if rows:
        screen.table((Column("table"), number("writes"), Column("last write")), rows)
    if len(demo.unread) > _MOST_UNREAD:
        screen.line(f"and {len(demo.unread) - _MOST_UNREAD:,} more, in popularity.csv")


def _show_places(screen: Screen, demo: Demo) -> None:
    folder = demo.folder
    screen.heading("Where things are")
    bodies = len(list(folder.purview.glob("*.json")))
    places = (
        (folder.popularity, "popularity of every dataset in every window"),
        (folder.edges, "every edge with its process, first and last day"),
        (folder.purview, f"{bodies} files: request bodies as they would be posted"),
        (folder.ledger, "what the miner remembers"),
        (folder.estate, "the system tables that were mined"),
        (folder.settings, "settings under which the other commands find all this"),
    )
    screen.table((Column(""), Column("")), [(_near(path), meaning) for path, meaning in places])
    screen.line()
    screen.line(f"Next: uc-miner --config {_near(folder.settings)} status (or plan, run, report --csv -)")


def _near(path: Path) -> Path:
    """The path as one would type it from here."""
    here = Path.cwd()
    return path.absolute().relative_to(here) if path.absolute().is_relative_to(here) else path.absolute()
