"""When a job is due, as the settings spell it: `hourly`, `daily at 02:30`, `every 15 minutes`, `cron 5 4 * * 1-5`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

MUST_BE = (
    '"off", "hourly", "hourly at :15", "daily at 02:30", "weekly on monday at 02:30", "monthly on 1 at 02:30", '
    '"every 15 minutes", "every 6 hours", or "cron MINUTE HOUR DAY MONTH WEEKDAY"'
)

OFF = "off"

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AT = r"(?: at (?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d))?"
_FORMS = (
    ("hourly", re.compile(r"hourly(?: at :(?P<minute>[0-5]\d))?")),
    ("daily", re.compile(rf"daily{_AT}")),
    ("weekly", re.compile(rf"weekly(?: on (?P<weekday>{'|'.join(_DAYS)}))?{_AT}")),
    ("monthly", re.compile(rf"monthly(?: on (?P<day>[1-9]|1\d|2[0-8]))?{_AT}")),
    ("every", re.compile(r"every (?P<count>[1-9]\d{0,3}) (?P<unit>minute|hour|day)s?")),
    ("cron", re.compile(r"cron:? +(?P<fields>\S+( +\S+){4})")),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Timing:
    """A schedule in a time zone. `kind` is how it was spelled."""

    text: str
    kind: str
    fields: tuple[tuple[str, str], ...]
    zone: tzinfo

    def after(self, instant: datetime) -> datetime:
        """The first time it is due after an instant, in UTC.

        A time that a change to summer time leaves out is due when the clock has passed it; one that comes twice in
        autumn is due once, but for `hourly` and `cron`.
        """
        given = dict(self.fields)
        if self.kind == "every":
            step = timedelta(**{f"{given['unit']}s": int(given["count"])})
            return _EPOCH + ((instant - _EPOCH) // step + 1) * step
        # The trigger looks for times from `now` on, its own included.
        found = self._trigger.get_next_fire_time(None, (instant + timedelta(microseconds=1)).astimezone(self.zone))
        if found is None:
            raise ValueError("is never due")
        at = found.astimezone(UTC)
        return self.after(at) if found.fold and self.kind in {"daily", "weekly", "monthly"} else at

    @cached_property
    def _trigger(self) -> "CronTrigger":
        # Commands without a schedule need not wait for the import.
        from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415

        given = dict(self.fields)
        if self.kind == "cron":
            minute, hour, day, month, weekday = given["fields"].split()
            return CronTrigger(
                minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=self.zone
            )
        at = {"minute": given.get("minute") or "0", "second": "0"}
        if self.kind != "hourly":
            at["hour"] = given.get("hour") or "0"
        if self.kind == "weekly":
            at["day_of_week"] = (given.get("weekday") or _DAYS[0])[:3]
        if self.kind == "monthly":
            at["day"] = given.get("day") or "1"
        return CronTrigger(**at, timezone=self.zone)


def _weekdays(field: str) -> str:
    """Weekdays as APScheduler takes them: its 0 is Monday, cron's is Sunday, and so is cron's 7."""
    names = []
    for part in field.split(","):
        found = re.fullmatch(r"([0-7])(?:-([0-7]))?(?:/([1-7]))?", part)
        if found is None:
            names.append(part)
            continue
        first, last = int(found[1]), int(found[2] or (6 if found[3] else found[1]))
        if first > last:
            raise ValueError("holds weekdays from a later to an earlier one")
        names += [_DAYS[(number - 1) % 7][:3] for number in range(first, last + 1, int(found[3] or 1))]
    return ",".join(names)


def timing(text: str, zone: tzinfo = UTC) -> Timing | None:
    """Read a schedule; None when it is off. Raises ValueError."""
    spelled = " ".join(text.lower().split())
    if spelled == OFF:
        return None
    for kind, form in _FORMS:
        if found := form.fullmatch(spelled):
            made = Timing(
                spelled, kind, tuple((name, value) for name, value in found.groupdict().items() if value), zone
            )
            made.after(_EPOCH)
            return made
    raise ValueError("is no schedule")
