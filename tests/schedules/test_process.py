"""The real command in a process of its own: what only a shell, a terminal, a signal or a limit can show."""

import os
import pty
import resource
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.schedules.conftest import SMALL, small_estate

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "schedules")

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(monkeypatch):
    """The environment of a new process: the checkout is found, nothing else is different."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
    return found | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}


@pytest.fixture
def shell(home, environment):
    """Run the command in the home folder and wait for it."""

    def run(*args, **more):
        return subprocess.run(
            [*COMMAND, *args], cwd=home.folder, env=environment, capture_output=True, text=True, check=False, **more
        )

    return run


@pytest.fixture
def started(home, environment):
    """Start the command in the home folder and leave it at work."""
    processes = []

    def start(*args, command=COMMAND, **more):
        processes.append(subprocess.Popen([*command, *args], cwd=home.folder, env=environment, **more))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def test_exit_codes_reach_the_shell(home, shell):
    """The codes of the page on exit codes are those the shell sees; errors go to standard error alone."""
    assert shell().returncode == 0
    missing = shell("status")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("error: there is no ledger")
    misused = shell("frobnicate")
    assert (misused.returncode, misused.stdout) == (2, "")
    assert "Traceback" not in missing.stderr + misused.stderr


def test_a_run_in_a_pipe(home, shell):
    """Without a terminal a run shows no bars: its page is on standard output, its log, one JSON object a line, beside."""
    home.write(*small_estate(yesterday()))
    home.set(start="2020-01-01")
    result = shell("run")
    assert result.returncode == 0, result.stderr
    assert "What became of the rows" in result.stdout
    assert result.stderr
    assert all(line.startswith("{") for line in result.stderr.splitlines())


def test_bars_on_a_terminal(started, home):
    """On a terminal bars move on standard error and are gone at the end; standard output stays as clean as in a pipe."""
    terminal, end = pty.openpty()
    process = started("--log-level", "info", "demo", "--out", "out", *SMALL, stderr=end, stdout=subprocess.PIPE)
    os.close(end)
    shown = read_all(terminal)
    page = process.stdout.read().decode()
    assert process.wait() == 0
    assert "writing the estate, 2026-11-10" in shown
    assert "mining lineage of demo, days" in shown
    assert "emitting process entities" in shown
    assert "day.mined" in shown
    assert shown.endswith("\x1b[2K")
    assert "\x1b" not in page
    assert "Most popular tables" in page


def yesterday() -> date:
    """The last day that is over: a process of its own goes by the clock on the wall."""
    return datetime.now(UTC).date() - timedelta(days=1)


def read_all(terminal: int) -> str:
    """What a process writes to a terminal until it lets go of it."""
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not read:
            break
        shown += read
    os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize("command", [("ledger", "dump"), ("report", "--csv", "-", "--window", "7")])
@pytest.mark.usefixtures("made")
def test_reader_that_goes_away(started, command):
    """A reader that stops reading, such as `head`, makes no noise."""
    process = started("-c", "out/uc-miner.toml", *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.wait()
    assert errors == ""


ANNOUNCED = """
import os, sys
from queries.system_tables import SystemTableReader as reader
from schedules import cli
real = reader.edges
def edges(*given):
    reader.edges = real
    os.close({told})
    return real(*given)
reader.edges = edges
sys.exit(cli.main())
"""


def test_interrupt(home, started):
    """Control-C in the middle of a run ends it with 130 and no traceback, and the next run goes on."""
    size = ("--tables", "60", "--days", "90", "--events-per-day", "1000")
    fetching, told = os.pipe()
    process = started(
        "demo", "--out", "out", *size, command=(sys.executable, "-c", ANNOUNCED.format(told=told)), pass_fds=[told],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    os.close(told)
    assert os.read(fetching, 1) == b""
    os.close(fetching)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert process.returncode == 130
    assert (output, errors) == (b"", b"")
    assert home("-c", "out/uc-miner.toml", "run").code == 0


def test_disk_full(home, shell):
    """When the disk takes no more, the run fails with the mend and the ledger knows exactly what it knew before."""
    events = small_estate(yesterday())
    home.write(*events)
    home.set(start=str(events[0]["event_date"]))
    assert shell("run").returncode == 0
    before = home.dump()
    home.write(*events, *[{**row, "target_table_name": f"t{number}"} for row in events for number in range(1600)])
    size = home.ledger.stat().st_size
    result = shell("run", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr.split("error:")[-1]
    assert "error: " in result.stderr
    assert "mend:  " in result.stderr
    assert "uc-miner itself failed" not in result.stderr
    assert home.dump() == before
    assert shell("run").returncode == 0


def test_names_that_a_terminal_cannot_show(home, shell, environment):
    """A name outside the terminal's encoding is shown escaped; it ends no run."""
    home.write(*[{**row, "source_table_name": "aufträge_日本"} for row in small_estate() if row["source_table_name"]])
    environment["PYTHONIOENCODING"] = "ascii"
    result = shell("demo", "--out", "out", "--data", "export")
    assert result.returncode == 0, result.stderr
    assert "auftr\\xe4ge" in result.stdout
    assert "aufträge_日本" in (home.folder / "out/popularity.csv").read_text(encoding="utf-8")
