"""What is wrong with the settings, in lines a person can act on: where, which key, what was given, what is allowed."""

import difflib
import json
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schedules.logs import masked
from schedules.settings import keys
from schedules.settings.given import Absent, Given
from schedules.settings.keys import Key
from schedules.settings.model import Settings
from schedules.settings.rosters import GROUP, members, roster

_LONGEST = 100


def lines(error: ValidationError, given: Given, model: type[BaseModel]) -> list[str]:
    """Give one line for each problem, each once, in the order of the settings."""
    known = keys.catalogue(model)
    return list(dict.fromkeys(_line(detail, given, known) for detail in error.errors(include_url=False)))


def summary(found: Sequence[str]) -> str:
    """Put all problems under one heading."""
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return "\n  ".join([f"the settings have {count}:", *found])


def conflicts(settings: Settings, given: Given) -> list[str]:
    """Give one line for each setting that is right by itself and not beside another one."""
    return [*_too_few_days(settings, given), *_unknown_groups(settings, given)]


def _too_few_days(settings: Settings, given: Given) -> Iterator[str]:
    key, kept = ("ledger", "usage_days"), settings.ledger.usage_days
    needed = 2 * max(settings.usage.windows)
    if kept is not None and kept < needed:
        wrong = "is less than the longest of usage.windows needs, with the one before it"
        yield f"{given.origin(key)}: ledger.usage_days = {kept} {wrong}; must be at least {needed}, or not set"


def _unknown_groups(settings: Settings, given: Given) -> Iterator[str]:
    known = roster(settings.readers)
    for name in ("include_users", "exclude_users"):
        for glob in getattr(settings.usage, name):
            if glob.startswith(GROUP) and not members(glob, known):
                told = f"{given.origin(('usage', name))}: usage.{name} names {glob}, "
                where = settings.readers.groups
                yield told + (
                    f"and {where} has no such group" if where else "and readers.groups names no file of groups"
                )


def _line(detail: ErrorDetails, given: Given, known: dict[Key, FieldInfo]) -> str:
    key = _key(detail, given)
    if detail["type"] == "extra_forbidden":
        return f"{given.origin(key)}: {keys.dotted(key)}: unknown key{_advice(key, known)}"
    value = given.value(key)
    shown = "" if value is Absent or isinstance(value, dict) else f" = {_shown(key, value, known)}"
    return f"{given.origin(key)}: {keys.dotted(key)}{shown} {_wrong(detail)}must be {_must_be(key, known)}"


def _key(detail: ErrorDetails, given: Given) -> Key:
    """Leave out of pydantic's location what is no key of the user's: list positions, "[key]", the tag of a union."""
    key: Key = ()
    *above, last = detail["loc"]
    for part in above:
        if isinstance(part, str) and given.value((*key, part)) is not Absent:
            key = (*key, part)
    if isinstance(last, str) and last != "[key]":
        key = (*key, last)
    if detail["type"].startswith("union_tag"):
        key = (*key, detail["ctx"]["discriminator"].strip("'"))
    return key


def _wrong(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return f"{detail['ctx']['error']}; "
    return "is missing; " if detail["type"] in {"missing", "union_tag_not_found"} else ""


def _must_be(key: Key, known: dict[Key, FieldInfo]) -> str:
    field = keys.find(known, key)
    extra = field.json_schema_extra if field else None
    return str(extra["must_be"]) if isinstance(extra, dict) else "a table"


def _advice(key: Key, known: dict[Key, FieldInfo]) -> str:
    names = keys.siblings(known, key)
    close = difflib.get_close_matches(key[-1], names, n=1)
    named = ("_".join(key[-2:]), key[-1])  # mining.exclude.users is usage.exclude_users rather than reports.users
    elsewhere = [keys.dotted(other) for name in named for other in known if other[-1] == name]
    meant = f", did you mean {close[0]}?" if close else f", did you mean {elsewhere[0]}?" if elsewhere else ";"
    return f"{meant} allowed here: {', '.join(names)}"


def _shown(key: Key, value: object, known: dict[Key, FieldInfo]) -> str:
    field = keys.find(known, key)
    if field and SecretStr in keys.types(field.annotation):
        return "***"
    text = json.dumps(masked(key[-1], value), default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
