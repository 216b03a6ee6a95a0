"""What holds for every test. Sockets beyond 127.0.0.1 are refused by the options in pyproject.toml."""

import logging
import os
import signal
from pathlib import Path

import hypothesis
import pytest
import structlog

from schedules.settings.given import PREFIX

# One machine is slow where another is quick: examples have no deadline. CI tries the same examples every time.
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("same" if os.environ.get("CI") else "search")


GROUPS = frozenset({"atlas", "crash", "postgres"})
"""Folders whose tests need a server that has to be fetched first, or minutes: they run only when named."""


def pytest_configure() -> None:
    """Take Ctrl-C also where a shell in the background has it ignored, which every process started from here would too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--ledger postgresql` has the tests of the ledger run on PostgreSQL; the others are for tests/crash."""
    parser.addoption("--ledger", action="append", choices=("sqlite", "postgresql"), help="databases to test on")
    parser.addoption("--kills", type=int, default=20, help="how often tests/crash kill the miner on each database")
    parser.addoption("--crash-seed", default="6", help="draws the places where they do")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests with a ledger run on each database that was asked for."""
    if "ledgers" in metafunc.fixturenames:
        databases = metafunc.config.getoption("--ledger") or ["sqlite"]
        metafunc.parametrize("ledgers", databases, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, on PostgreSQL, what is about the file of a SQLite ledger."""
    needless = [
        item
        for item in items
        if item.get_closest_marker("sqlite_only")
        and getattr(item, "callspec", None)
        and item.callspec.params.get("ledgers") == "postgresql"
    ]
    items[:] = [item for item in items if item not in needless]
    config.hook.pytest_deselected(items=needless)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a group out of `pytest` and `pytest tests`."""
    if collection_path.parent != Path(__file__).parent or collection_path.name not in GROUPS:
        return None
    named = (Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(collection_path in (one, *one.parents) for one in named) else True


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
