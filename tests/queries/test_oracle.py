"""The oracle's own figures, worked out by hand: what others are compared with must be right itself."""

import ast
import math
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests import oracle
from tests.oracle import Dataset, Figures, Use
from tests.rows import METASTORE, at

AS_OF = date(2026, 11, 10)
A, B, C, D = (Dataset("c", "s", name, None) for name in "abcd")


def day(back):
    return AS_OF - timedelta(days=back)


def uses(*figures):
    """Figures of a day as (dataset, reader, reads, more)."""
    return {Use(METASTORE, of, reader, "query"): Figures(reads=reads, **more) for of, reader, reads, more in figures}


def by_dataset(daily, **more):
    found = oracle.popularity(daily, AS_OF, 2, **more)
    return {name.name: one for (_, name), one in found.items()}


DAILY = {
    day(0): uses((A, "ann@x.org", 3, {"last_read_at": at(AS_OF, 9)}), (A, "bob@x.org", 1, {"last_read_at": at(AS_OF, 8)}), (B, "ann@x.org", 1, {})),
    day(1): uses((A, "ann@x.org", 2, {}), (C, "", 5, {"indirect_reads": 2}), (D, "svc", 0, {"writes": 4, "indirect_reads": 1})),
    day(2): uses((A, "ann@x.org", 3, {}), (B, "ann@x.org", 2, {})),
    day(3): {},
    day(4): uses((B, "zoe@x.org", 100, {})),
}  # fmt: skip


def test_sums_and_readers():
    """Reads add up over days, readers do not; an unknown reader is a read and no reader; a writer is no reader."""
    found = by_dataset(DAILY)
    assert (found["a"].reads, found["a"].readers, found["a"].people, found["a"].last_read) == (6, 2, 2, at(AS_OF, 9))
    assert (found["c"].reads, found["c"].readers, found["c"].indirect_reads, found["c"].last_read) == (5, 0, 2, None)
    assert (found["d"].reads, found["d"].writes, found["d"].readers, found["d"].indirect_reads) == (0, 4, 0, 1)


def test_score_and_band():
    """Score is readers * ln(1 + reads); bands are quarters of the datasets with a score, by strictly lower scores."""
    found = by_dataset(DAILY)
    assert found["a"].score == 2 * math.log(7)
    assert found["b"].score == math.log(2)
    assert {name: one.band for name, one in found.items()} == {"a": 3, "b": 1, "c": 0, "d": 0}


def test_equal_scores_share_a_band():
    """Of eight datasets with four scores each band has two."""
    names = [Dataset("c", "s", f"t{place}", None) for place in range(8)]
    found = by_dataset({day(0): uses(*((name, "ann@x.org", place // 2 + 1, {}) for place, name in enumerate(names)))})
    assert [found[name.name].band for name in names] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_trend():
    """The change over the window before, relative to it; nothing where nothing was read before."""
    found = by_dataset(DAILY)
    assert found["a"].trend == 1.0
    assert found["b"].trend == -0.5
    assert found["c"].trend is None


@pytest.mark.parametrize(
    ("missing", "partial", "trend"), [(0, 1, None), (1, 1, None), (2, 0, None), (3, 0, None), (4, 0, 1.0)]
)
def test_days_not_mined(missing, partial, trend):
    """A day of the window that is not mined makes it partial; one of either window takes the trend away."""
    found = by_dataset({one: uses for one, uses in DAILY.items() if one != day(missing)})["a"]
    assert (found.partial_days, found.trend) == (partial, trend)


def test_filtered():
    """Users left out when reporting count nowhere, in scores as little as in bands."""
    found = by_dataset(DAILY, counts=lambda use: use.reader != "bob@x.org")["a"]
    assert (found.reads, found.readers) == (5, 1)


@pytest.mark.parametrize(
    ("reader", "person"),
    [
        ("ann@x.org", True),
        ("5eed0a11-0c0f-4b0e-9d1a-000000000001", False),
        ("system-user", False),
        ("data engineers", False),
        ("dashboard:0f1e", False),
        ("__redacted__", False),
        ("", False),
    ],
)
def test_people(reader, person):
    """People sign in with an e-mail address; principals, groups and dashboards are no people."""
    assert oracle.is_person(reader) == person


def test_it_shares_nothing_with_the_product():
    """The oracle stands on the standard library and on itself."""
    for file in Path(oracle.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names}.isdisjoint(
                {"miner", "queries", "sinks", "schedules", "duckdb", "sqlglot"}
            )
