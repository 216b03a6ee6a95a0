"""What all commands of one call share."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from structlog.typing import Processor

from miner.ledger.database import BUSY_SECONDS
from schedules import logs, settings
from schedules.parts import Now, Parts

Level = Literal["debug", "info", "warning", "error"]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Session:
    """The clock, how long a locked ledger is waited for, and the global options."""

    now: Now = utc_now
    busy_seconds: float = BUSY_SECONDS
    config: Path | None = None
    level: Level | None = None
    form: logs.Form | None = None
    tap: Processor | None = None
    """Told of every event that is logged."""

    @property
    def settings_file(self) -> Path:
        """The settings file that counts, whether it is there or not."""
        return self.config or settings.FILE

    def parts(self) -> Parts:
        """The parts of a run as the settings say; the log too. Raises SettingsError."""
        parts = self.loaded()
        self.taken(parts)
        return parts

    def loaded(self) -> Parts:
        """The parts of a run as the settings say; the log stays as it is. Raises SettingsError."""
        return Parts(settings.load(self.config), self.now, self.busy_seconds)

    def taken(self, parts: Parts) -> None:
        """Log as the settings of these parts say."""
        log = parts.settings.log
        logs.configure(self.level or log.level, self.form or log.format, tap=self.tap)

    def without_settings(self) -> None:
        """Log what matters to somebody who only looks on: the settings are not read."""
        logs.configure(self.level or "warning", self.form or "auto")
