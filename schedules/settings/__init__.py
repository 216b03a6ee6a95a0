"""Settings: `load` reads one TOML file and the environment over it, and names all problems at once.

`UC_MINER__MINING__SETTLE_DAYS=5` in the environment is `settle_days = 5` under `[mining]` in the file.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import InitSettingsSource

from miner.errors import SettingsError
from schedules.settings import keys, problems
from schedules.settings.given import Given, anchored, read
from schedules.settings.model import Settings

__all__ = ["FILE", "Settings", "load"]

FILE = Path("uc-miner.toml")
"""Read from the working directory when no other file is named."""


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from `path`, else from ./uc-miner.toml if it is there, and from `env`, which wins.

    Paths in the file, and default paths beside it, are relative to its folder; those in the environment to the
    working directory. Raises SettingsError that names every problem at once.
    """
    if path is None and FILE.exists():
        path = FILE
    given = read(path, env)
    try:
        settings = _settings(given)
    except ValidationError as error:
        found = problems.lines(error, given, Settings)
    else:
        found = problems.conflicts(settings, given)
        if not found:
            return settings
    # Raised outside the except clause: pydantic's error holds the values as given, secrets too.
    raise SettingsError(problems.summary(found), mend="correct these settings; docs/settings.md describes every one")


def _settings(given: Given) -> Settings:
    in_environment = InitSettingsSource(Settings, init_kwargs=given.in_environment)
    in_file = InitSettingsSource(Settings, init_kwargs=anchored(given, keys.catalogue(Settings)))
    return Settings(_build_sources=((in_environment, in_file), {}))
