"""The demo's job: an estate, made up or given, mined, emitted and reported the way `run` and `report` do it."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from miner.errors import EmptySourceError, SettingsError
from miner.ports import TABLE_LINEAGE
from miner.scope import Scope
from queries.sample import MINER
from schedules import jobs, settings
from schedules.demo.findings import Coverage, PopularTable, UnreadTable, coverage, popular_tables, unread_tables
from schedules.demo.folder import DemoFolder
from schedules.jobs import EstateSize, Ran, Watches
from schedules.parts import Now, Parts, reading
from schedules.reports import Name, write_whole
from schedules.settings import Settings
from schedules.settings.sources import FilesSource

MOST_DAYS = 365
"""About as many days as system tables keep; older ones of an export are left out."""


@dataclass(frozen=True, slots=True)
class Estate:
    """The estate that is mined: its days, and the optional tables and columns it does not have."""

    first: date
    last: date
    principal: str = ""
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo did and found."""

    folder: DemoFolder
    estate: Estate
    ran: Ran
    coverage: Coverage
    popular: list[PopularTable]
    unread: list[UnreadTable]


def demo(folder: DemoFolder, size: EstateSize, now: Now, *, force: bool = False, watches: Watches) -> Demo:
    """Mine a whole estate into a folder. Raises MinerError.

    The clock of the run stands just after the estate's last day has settled, so that the same estate gives the same
    files whenever it is mined.
    """
    if folder.data and not folder.data.is_dir():
        raise SettingsError(f"{folder.data} is no folder", mend="name the folder of an export with --data")
    folder.claim(force=force)
    estate = _given(folder.data) if folder.data else _made_up(size, now())
    folder.write_settings(estate.first, estate.principal)
    if folder.data is None:
        jobs.sample(folder.estate, size, now(), watches.estate)
    parts = _parts(settings.load(folder.settings, {}), estate.last)
    ran = jobs.run(parts, watches=watches, command="demo")
    for _, failure in ran.outcome.failures:
        raise failure
    popularity = write_whole(parts, Name.POPULARITY, str(folder.popularity)).to_pandas()
    edges = write_whole(parts, Name.EDGES, str(folder.edges))
    found = coverage(popularity, edges)
    return Demo(folder, estate, ran, found, popular_tables(popularity), unread_tables(popularity))


def _made_up(size: EstateSize, now: datetime) -> Estate:
    last = size.ending(now)
    return Estate(last - timedelta(days=size.days - 1), last, MINER)


def _given(data: Path) -> Estate:
    source = FilesSource(kind="files", path=data)
    with tempfile.TemporaryDirectory() as scratch, reading(source, Path(scratch), Scope()) as tables:
        span = tables.span(TABLE_LINEAGE)
        if span.first is None or span.last is None:
            raise EmptySourceError(f"{data}: table_lineage holds no row", mend="look whether the export is whole")
        first = max(span.first, span.last - timedelta(days=MOST_DAYS - 1))
        return Estate(first, span.last, absent=tuple(tables.absent()))


def _parts(loaded: Settings, last: date) -> Parts:
    settled = last + timedelta(days=loaded.mining.settle_days + 1)
    return Parts(loaded, lambda: datetime.combine(settled, time(), UTC))
