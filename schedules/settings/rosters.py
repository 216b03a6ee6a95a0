"""`[readers]`: files that say who is who, read and checked line by line."""

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from miner.errors import SettingsError
from miner.readers import Readers
from miner.scope import lowered

FILE_OF_NAMES = "a CSV file with the columns application_id and name"
FILE_OF_GROUPS = "a CSV file with the columns group and member"

GROUP = "group:"
"""What stands before a group's name where users are chosen."""

_NAMES = ("application_id", "name")
_GROUPS = ("group", "member")


class Given(Protocol):
    """The settings under `[readers]`."""

    @property
    def names(self) -> Path | None: ...
    @property
    def groups(self) -> Path | None: ...
    @property
    def service_principals(self) -> tuple[str, ...]: ...
    @property
    def system(self) -> tuple[str, ...]: ...
    @property
    def redacted(self) -> tuple[str, ...]: ...


def checked_names(file: Path) -> Path:
    """Refuse a file that does not tell what service principals are called. Raises ValueError with the line."""
    _names(_text(file))
    return file


def checked_groups(file: Path) -> Path:
    """Refuse a file that does not tell who is in which group. Raises ValueError with the line."""
    _groups(_text(file))
    return file


def roster(given: Given) -> Readers:
    """What the settings know of readers, as the files are now. Raises SettingsError."""
    try:
        texts = tuple(_text(file) if file else "" for file in (given.names, given.groups))
        called = _names(texts[0]) if given.names else {}
        members_of = _groups(texts[1]) if given.groups else None
    except ValueError as error:
        raise SettingsError(
            f"a file of [readers]: {error}", mend="mend the file, or take it out of [readers]"
        ) from None
    state = hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16] if any(texts) else ""
    return Readers(called, members_of, given.service_principals, given.system, given.redacted, state)


def with_members(globs: Sequence[str], known: Readers) -> tuple[str, ...]:
    """Globs of users, groups in place by who is in them and by their own names."""
    found: list[str] = []
    for glob in globs:
        found += sorted(members(glob, known)) if glob.startswith(GROUP) else [glob]
    return tuple(found)


def members(glob: str, known: Readers) -> Collection[str]:
    """The folded names of the groups that `group:GLOB` covers, and of all who are in them."""
    wanted = lowered(glob.removeprefix(GROUP))
    told = {name: who for name, who in (known.groups or {}).items() if fnmatchcase(name, wanted)}
    return {*told, *(member for who in told.values() for member in who)}


@lru_cache(maxsize=4)
def _names(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line, number, name in _rows(text, _NAMES):
        if found.setdefault(lowered(number), name) != name:
            raise ValueError(f"is wrong in line {line}: {number} has another name before")
    return found


@lru_cache(maxsize=4)
def _groups(text: str) -> Mapping[str, Collection[str]]:
    found: dict[str, set[str]] = {}
    for _, group, member in _rows(text, _GROUPS):
        found.setdefault(lowered(group), set()).add(lowered(member))
    return found


def _rows(text: str, columns: tuple[str, str]) -> Iterator[tuple[int, str, str]]:
    """Line, first and second value of each row; the header is needed, other columns are passed over."""
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [lowered(cell.strip()) for cell in next(lines, [])]
        if not set(columns) <= set(header):
            raise ValueError(f"is wrong in line 1: its header lacks {' or '.join(columns)}")
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            told = dict(zip(header, cells, strict=False))
            first, second = (told.get(name, "").strip() for name in columns)
            if not first or not second or len(cells) != len(header):
                raise ValueError(f"is wrong in line {lines.line_num}: {' and '.join(columns)} are not both there")
            yield lines.line_num, first, second
    except csv.Error as error:
        raise ValueError(f"is wrong in line {lines.line_num}: {error}") from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not in UTF-8, at byte {error.start}") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
