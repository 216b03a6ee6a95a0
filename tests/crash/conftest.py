from collections import Counter
from datetime import date

import pytest

from queries.sample import write_estate
from tests import ledgers as places


@pytest.fixture(scope="session")
def ledgers(request):
    """Each database that can hold a ledger (`--ledger`)."""
    with places.on(request.param):
        yield request.param


@pytest.fixture(scope="session")
def export(tmp_path_factory):
    """An estate over a month's end, small, with every quirk that the sample knows."""
    folder = tmp_path_factory.mktemp("estate") / "export"
    write_estate(folder, tables=50, days=6, events_per_day=120, seed=5, last_day=date(2026, 11, 3))
    return folder


def pytest_terminal_summary(terminalreporter):
    """Tell how many kills landed where."""
    landed = Counter()
    for report in terminalreporter.getreports("passed"):
        landed.update(dict(report.user_properties))
    if landed:
        terminalreporter.section("kills that landed, each followed by a run that ended where an undisturbed one does")
        for name, kills in sorted(landed.items()):
            terminalreporter.write_line(f"{name:<24} {kills:>5}")
        terminalreporter.write_line(f"{'all':<24} {landed.total():>5}")
