"""What the user gave: the values of the TOML file and of the environment, and where each came from."""

import copy
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from miner.errors import SettingsError
from schedules.settings import keys
from schedules.settings.checks import SQLITE
from schedules.settings.keys import Key

PREFIX = "UC_MINER__"
DELIMITER = "__"

Values = dict[str, Any]


class Absent:
    """The value of a key that was not given."""


@dataclass(frozen=True, slots=True)
class Given:
    """`in_file` and `in_environment` nest like the settings; `variables` has the name behind each environment key."""

    file: Path | None
    in_file: Values
    in_environment: Values
    variables: Mapping[Key, str]

    def value(self, key: Key) -> object:
        """Give the value that counts, as the user wrote it, or Absent."""
        found = _look_up(self.in_environment, key)
        return _look_up(self.in_file, key) if found is Absent else found

    def origin(self, key: Key) -> str:
        """Name the file or the environment variable to change; for a missing key, where its section is."""
        for given, name in self.variables.items():
            if key[: len(given)] == given:
                return name
        if self.file and _look_up(self.in_file, key) is not Absent:
            return str(self.file)
        under = [name for given, name in self.variables.items() if given[: len(key)] == key]
        if under:
            return under[0]
        in_file = _look_up(self.in_file, key[:-1]) is not Absent or _look_up(self.in_environment, key[:-1]) is Absent
        return str(self.file) if self.file and in_file else variable(key)


def variable(key: Key) -> str:
    """Name the environment variable of a key."""
    return PREFIX + DELIMITER.join(key).upper()


def read(file: Path | None, env: Mapping[str, str]) -> Given:
    """Read the file, if any, and the variables that start with UC_MINER__; an empty one counts as not set."""
    in_environment: Values = {}
    variables: dict[Key, str] = {}
    for name, value in sorted(env.items()):
        if name.upper().startswith(PREFIX) and value:
            key = tuple(name[len(PREFIX) :].lower().split(DELIMITER))
            variables[key] = name
            _place(in_environment, key, value)
    return Given(file, _toml(file) if file else {}, in_environment, variables)


def anchored(given: Given, known: Mapping[Key, FieldInfo]) -> Values:
    """Give the file's values with their paths, and those of defaults, made relative to the file's folder."""
    values = copy.deepcopy(given.in_file)
    if given.file is None:
        return values
    for key, field in known.items():
        for place in _places(values, key):
            value = _look_up(values, place)
            value = field.default if value is Absent else value
            if isinstance(value, str | Path) and _is_location(value, field):
                _place(values, place, _moved(str(value), given.file.parent))
    return values


def _toml(file: Path) -> Values:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: there is no such settings file", mend="create it, or name another one") from None
    except IsADirectoryError:
        raise SettingsError(f"{file}: is a directory", mend="name the TOML file in it") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}", mend="let this user read it") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: byte {error.start} is not UTF-8", mend="save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # The parser's message ends with the line and the column.
        raise SettingsError(f"{file}: is not TOML: {error}", mend="correct that line") from None


def _look_up(values: object, key: Key) -> object:
    for part in key:
        if not isinstance(values, dict) or part not in values:
            return Absent
        values = values[part]
    return values


def _place(values: Values, key: Key, value: object) -> None:
    """Put a value under a key; where a plain value stands in the way, that one stays and is reported."""
    first, *rest = key
    if not rest:
        values[first] = value
        return
    inner = values.setdefault(first, {})
    if isinstance(inner, dict):
        _place(inner, tuple(rest), value)


def _places(values: Values, key: Key) -> list[Key]:
    if keys.NAME not in key:
        return [key]
    at = key.index(keys.NAME)
    named = _look_up(values, key[:at])
    return [(*key[:at], name, *key[at + 1 :]) for name in named] if isinstance(named, dict) else []


def _is_location(value: str | Path, field: FieldInfo) -> bool:
    return bool(value) and (Path in keys.types(field.annotation) or str(value).startswith(SQLITE))


def _moved(location: str, folder: Path) -> str:
    scheme = SQLITE if location.startswith(SQLITE) else ""
    return scheme + str(folder / Path(location.removeprefix(scheme)).expanduser())
