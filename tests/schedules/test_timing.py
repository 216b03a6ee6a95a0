"""Schedules as people spell them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.timing import timing

BERLIN = ZoneInfo("Europe/Berlin")
THURSDAY = datetime(2026, 10, 22, 12, 34, 56, tzinfo=UTC)


def times(text, start=THURSDAY, count=3, zone=UTC):
    """The next times, as text in UTC."""
    made, told = timing(text, zone), []
    for _ in range(count):
        start = made.after(start)
        told.append(f"{start:%m-%d %H:%M}")
    return told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hourly", ["10-22 13:00", "10-22 14:00", "10-22 15:00"]),
        ("Hourly at :15", ["10-22 13:15", "10-22 14:15", "10-22 15:15"]),
        ("daily", ["10-23 00:00", "10-24 00:00", "10-25 00:00"]),
        ("daily at 2:30", ["10-23 02:30", "10-24 02:30", "10-25 02:30"]),
        ("weekly", ["10-26 00:00", "11-02 00:00", "11-09 00:00"]),
        ("weekly on  friday at 23:59", ["10-23 23:59", "10-30 23:59", "11-06 23:59"]),
        ("monthly", ["11-01 00:00", "12-01 00:00", "01-01 00:00"]),
        ("monthly on 15 at 04:00", ["11-15 04:00", "12-15 04:00", "01-15 04:00"]),
        ("every 15 minutes", ["10-22 12:45", "10-22 13:00", "10-22 13:15"]),
        ("every 6 hours", ["10-22 18:00", "10-23 00:00", "10-23 06:00"]),
        ("every 1 day", ["10-23 00:00", "10-24 00:00", "10-25 00:00"]),
        ("cron 5 4 * * 1-5", ["10-23 04:05", "10-26 04:05", "10-27 04:05"]),
        ("cron 0 0 * * 0", ["10-25 00:00", "11-01 00:00", "11-08 00:00"]),
        ("cron 0 0 * * 5-7", ["10-23 00:00", "10-24 00:00", "10-25 00:00"]),
        ("cron 0 0 * * sat,3", ["10-24 00:00", "10-28 00:00", "10-31 00:00"]),
        ("cron: 0 */8 * * *", ["10-22 16:00", "10-23 00:00", "10-23 08:00"]),
    ],
)
def test_spellings(text, expected):
    """Each spelling is due when it says, in UTC unless another zone is set."""
    assert times(text) == expected


@pytest.mark.parametrize(
    "text", ["", "sometimes", "daily at 24:00", "hourly at 15", "every 0 minutes", "monthly on 31", "cron * * *",
             "weekly on someday", "cron 0 0 31 2 *", "every 15 seconds", "cron a b c d e", "cron 0 0 * * 5-1"],
)  # fmt: skip
def test_refused(text):
    """What is no schedule, or is never due, is refused with a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        timing(text)


def test_off():
    """A job may be off."""
    assert timing("off") is None


def test_never_at_the_same_instant():
    """The next time is always later than the instant asked for, so that a served time is not served again."""
    for text in ("hourly", "daily at 02:30", "every 15 minutes", "cron * * * * *"):
        at = timing(text).after(THURSDAY)
        assert timing(text).after(at) > at
        assert timing(text).after(at - timedelta(microseconds=1)) == at


def test_spring():
    """A time that the change to summer time leaves out is due once, when the clock has passed it."""
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert times("daily at 02:30", start, 2, BERLIN) == ["03-29 01:30", "03-30 00:30"]
    assert times("hourly", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 2, BERLIN) == ["03-29 01:00", "03-29 02:00"]


@pytest.mark.parametrize("text", ["daily at 02:30", "weekly on sunday at 02:30", "monthly on 25 at 02:30"])
def test_autumn(text):
    """A time that comes twice when summer time ends is due once."""
    first, second = times(text, datetime(2026, 10, 24, 12, tzinfo=UTC), 2, BERLIN)
    assert first == "10-25 00:30"
    assert not second.startswith("10-25")


def test_autumn_by_the_hour():
    """An hour that comes twice is due twice when every hour is."""
    assert times("hourly", datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 3, BERLIN) == [
        "10-25 00:00", "10-25 01:00", "10-25 02:00",
    ]  # fmt: skip
