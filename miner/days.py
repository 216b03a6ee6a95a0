"""UTC days as the ledger counts them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

EPOCH = date(1970, 1, 1)


def number(day: date) -> int:
    """Whole days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number_: int) -> date:
    """The day of a number."""
    return EPOCH + timedelta(days=number_)


def month(day: date) -> int:
    """Months since year 0, as the ledger counts them."""
    return day.year * 12 + day.month - 1


def bit(day: date) -> int:
    """The bit of a day in its month's bits."""
    return 1 << (day.day - 1)


def days_of(month_: int, bits: int) -> list[date]:
    """The days of a month whose bits are set, oldest first."""
    year, index = divmod(month_, 12)
    return [date(year, index + 1, offset + 1) for offset in range(31) if bits >> offset & 1]


def span(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def micros(instant: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return round(instant.astimezone(UTC).timestamp() * 1_000_000)


def instant_of(micros_: int) -> datetime:
    """The UTC instant of microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros_)
