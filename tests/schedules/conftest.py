import contextlib
import io
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from schedules import cli, jobs, settings
from schedules.parts import Parts
from schedules.session import Session
from tests import rows

NOW = datetime(2026, 11, 12, 6, tzinfo=UTC)
"""Two days after the last day of the small estate: with three days to settle, only its first day is settled."""

SMALL = ("--tables", "60", "--days", "4", "--events-per-day", "300", "--last-day", "2026-11-10")
"""A small estate for a demo, which goes by its own clock."""

SETTINGS = """
[ledger]
url = "sqlite:///ledger.db"
[mining]
start = {start}
[sources.prod]
kind = "files"
path = "export"
threads = 1
"""


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def events(self) -> list[dict]:
        """The log, of lines that are JSON."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    @property
    def told(self) -> str:
        """Standard error without the log."""
        return "".join(f"{line}\n" for line in self.err.splitlines() if not line.startswith("{"))


@dataclass
class Home:
    """A folder with settings and an export, and the command run in it."""

    folder: Path
    capture: pytest.CaptureFixture
    session: Session = field(default_factory=lambda: Session(now=lambda: NOW, busy_seconds=0.1))

    @property
    def export(self) -> Path:
        return self.folder / "export"

    @property
    def settings(self) -> Path:
        return self.folder / "uc-miner.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    def at(self, now: datetime) -> None:
        """Set the clock."""
        self.session.now = lambda: now

    def write(self, *lineage, form: str = "parquet", **tables) -> None:
        """Write the export anew."""
        rows.write_estate(self.export, form=form, table_lineage=lineage, **tables)

    def set(self, text: str = "", *, start: str = "2026-11-08") -> None:
        """Write the settings: the usual ones, and `text` after them."""
        self.settings.write_text(SETTINGS.format(start=start) + text)

    def __call__(self, *args: object) -> Answer:
        """Run a command as the shell would, in the folder."""
        self.capture.readouterr()
        code = cli.main([str(arg) for arg in args], self.session)
        captured = self.capture.readouterr()
        return Answer(code, captured.out, captured.err)

    def dump(self) -> list[dict]:
        """What the ledger knows."""
        answer = self("ledger", "dump")
        assert answer.code == 0, answer.err
        return [json.loads(line) for line in answer.out.splitlines()]


@pytest.fixture
def home(tmp_path, capsys, monkeypatch):
    """A home with the usual settings and an empty export folder; it is the working directory."""
    monkeypatch.delenv("UC_MINER_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    made = Home(tmp_path, capsys)
    made.export.mkdir()
    made.set()
    return made


@pytest.fixture(scope="session")
def mined_once(tmp_path_factory):
    """A folder whose export was mined once for all tests."""
    folder = tmp_path_factory.mktemp("mined")
    rows.write_estate(folder / "export", table_lineage=small_estate())
    (folder / "uc-miner.toml").write_text(SETTINGS.format(start="2026-11-08"))
    jobs.run(Parts(settings.load(folder / "uc-miner.toml", {}), lambda: NOW))
    return folder


@pytest.fixture
def mined(home, mined_once):
    """A home whose export was mined: two edges, reads by two people on three days."""
    shutil.copytree(mined_once, home.folder, dirs_exist_ok=True)
    return home


@pytest.fixture(scope="session")
def demo_once(tmp_path_factory):
    """The folder `out` of a small demo, and the page it printed."""
    folder, page, session = tmp_path_factory.mktemp("demo"), io.StringIO(), Session(now=lambda: NOW)
    with contextlib.chdir(folder), contextlib.redirect_stdout(page):
        assert cli.main(["demo", "--out", "out", *SMALL], session) == 0
    return folder / "out", page.getvalue()


@pytest.fixture
def made(home, demo_once):
    """A home with a small demo in `out`."""
    shutil.copytree(demo_once[0], home.folder / "out")
    return home


def small_estate(last: date = rows.DAY) -> list[rows.Row]:
    """Three days of lineage: a job that fills b from a, a pipeline that fills c from b, and readers."""
    events = []
    for day in (last - timedelta(days=2), last - timedelta(days=1), last):
        events += [
            rows.lineage("main.s.a", "main.s.b", day=day, job="7", created_by="etl@x.org"),
            rows.lineage("main.s.b", "main.s.c", day=day, pipeline="q1", created_by="ann@x.org"),
            rows.lineage("main.s.c", None, day=day, created_by="ann@x.org", statement_id=f"s{day}"),
            rows.lineage("main.s.c", None, day=day, created_by="bob@x.org", statement_id=f"t{day}"),
            rows.lineage(None, "main.s.unread", day=day, job="8", created_by="etl@x.org"),
        ]
    return events
