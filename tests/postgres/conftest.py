from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from queries.sample import write_estate
from schedules import jobs, ledger_jobs, settings
from schedules.jobs import Ran
from schedules.parts import Parts
from tests import ledgers as places

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
LAST = datetime(2026, 11, 15, tzinfo=UTC).date()

SETTINGS = """
[ledger]
url = "{url}"
{ledger}
[mining]
start = 2026-11-01
[sources.prod]
kind = "files"
path = "{export}"
threads = 1
{more}
"""


@pytest.fixture(scope="session", autouse=True)
def server():
    """A real PostgreSQL for all tests of this group."""
    with places.on(places.POSTGRESQL):
        yield places.server()


@pytest.fixture(autouse=True)
def _quiet():
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(scope="session")
def export(tmp_path_factory):
    """The demo's estate, smaller: days over no month's end, with every quirk that the sample knows."""
    folder = tmp_path_factory.mktemp("estate") / "export"
    write_estate(folder, tables=80, days=6, events_per_day=500, seed=5, last_day=LAST)
    return folder


@dataclass
class Home:
    """A folder with settings and a ledger, and what the commands do there."""

    folder: Path
    url: str
    export: Path
    now: datetime = NOW
    more: str = ""
    ledger: str = ""

    @property
    def parts(self) -> Parts:
        """The parts of a run, from settings written anew."""
        self.folder.mkdir(exist_ok=True)
        file = self.folder / "uc-miner.toml"
        file.write_text(SETTINGS.format(url=self.url, export=self.export, more=self.more, ledger=self.ledger))
        return Parts(settings.load(file, {}), lambda: self.now, busy_seconds=1)

    def run(self, **options: object) -> Ran:
        """Mine what is due, and emit what changed."""
        return jobs.run(self.parts, **options)

    def dump(self) -> bytes:
        """What `uc-miner ledger dump` writes."""
        out = self.folder / "dump.jsonl"
        ledger_jobs.dump(self.parts, str(out))
        return out.read_bytes()

    def files(self) -> dict[str, bytes]:
        """What was emitted."""
        return {file.name: file.read_bytes() for file in sorted((self.folder / "purview").iterdir())}


@pytest.fixture
def database(server):
    """The URL of an empty database that holds no ledger yet."""
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def home(tmp_path, database, export):
    """A home with a ledger on PostgreSQL that is not there yet."""
    return Home(tmp_path / "postgres", database, export)


@pytest.fixture
def beside(tmp_path, export):
    """A home with a ledger in a SQLite file, over the same estate."""
    return Home(tmp_path / "sqlite", f"sqlite:///{tmp_path}/sqlite/ledger.db", export)
