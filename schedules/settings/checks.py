"""Checks of one value that its type alone cannot make. Each raises ValueError with what is wrong, never the value."""

import json
import os
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr

from schedules.timing import timing
from sinks.purview.naming import databases

SQLITE = "sqlite:///"
POSTGRES = "postgresql+psycopg://"

_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

# Unity Catalog's names hold no period, slash or control character, so that a part is also one folder of an export.
_PART = r"(?:[\w-]+|`[^`./\\\x00-\x1f\x7f]+`)"
_VAULT_SECRET = re.compile(r"keyvault:https://[A-Za-z0-9-]+\.vault\.[a-z.]+/secrets/[A-Za-z0-9-]+(/[a-f0-9]{32})?/?")
_THREE_PARTS = re.compile(rf"{_PART}\.{_PART}\.{_PART}")


def no_boolean(value: object) -> object:
    """Keep pydantic from taking true for 1."""
    if isinstance(value, bool):
        raise ValueError("is no number")  # noqa: TRY004  # pydantic collects ValueError only
    return value


def day(value: object) -> object:
    """Keep pydantic from taking a number for seconds since 1970."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("is no day of the calendar") from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("is no day of the calendar")  # noqa: TRY004  # pydantic collects ValueError only
    return value


def items(value: object) -> object:
    """Read a list from JSON text, the only form an environment variable has for it."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("is no list (the environment takes it as JSON)") from None
    return value


def glob(value: str) -> str:
    """Refuse what can match nothing."""
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError("holds an empty entry, one with a blank at its end, or an unprintable character")
    return value


def parts(*allowed: int) -> Callable[[str], str]:
    """Make a check that refuses a glob of a name with another number of parts: it would match nothing."""

    def check(value: str) -> str:
        if (count := value.count(".") + 1) not in allowed:
            raise ValueError(f"holds an entry of {count} parts")
        return value

    return check


def windows(value: tuple[int, ...]) -> tuple[int, ...]:
    """Sort windows, which must be some and different."""
    if not value:
        raise ValueError("is empty")
    if len(set(value)) < len(value):
        raise ValueError("names a window twice")
    return tuple(sorted(value))


def table_name(value: str) -> str:
    """Let a name pass that is safe to hand to `IDENTIFIER(:name)` and to look up as folders."""
    if not _THREE_PARTS.fullmatch(value):
        dots = re.sub(r"`[^`]*`", "", value).count(".")
        raise ValueError("holds a character that is not allowed" if dots == 2 else f"has {dots + 1} parts")  # noqa: PLR2004
    return value


def not_empty(value: object) -> object:
    """Keep an empty text from meaning the folder it is relative to."""
    if value == "":
        raise ValueError("is empty")
    return value


def directory(value: Path) -> Path:
    """Refuse a directory that cannot be read, before anything is done."""
    if not value.exists():
        raise ValueError(f"does not exist (looked for {value.absolute()})")
    if not value.is_dir():
        raise ValueError("is a file")
    if not os.access(value, os.R_OK | os.X_OK):
        raise ValueError("may not be read by this user")
    return value


def file(value: Path) -> Path:
    """Refuse a file that cannot be read, before anything is done."""
    if not value.exists():
        raise ValueError(f"does not exist (looked for {value.absolute()})")
    if not value.is_file():
        raise ValueError("is no file")
    if not os.access(value, os.R_OK):
        raise ValueError("may not be read by this user")
    return value


def secret(value: SecretStr) -> SecretStr:
    """Refuse a secret that cannot go into a header, and a reference that names no secret of a vault."""
    text = value.get_secret_value()
    if not text or text != text.strip() or not text.isprintable() or not text.isascii():
        raise ValueError("is empty, or holds a blank at its end or an unprintable character")
    if text.startswith("keyvault:") and not _VAULT_SECRET.fullmatch(text):
        raise ValueError("names no secret of a Key Vault")
    return value


def query_tags(value: dict[str, str]) -> dict[str, str]:
    """Accept tags that reach the query history as they are."""
    for text in (*value, *value.values()):
        if not text or not text.isprintable() or len(text) > 128:  # noqa: PLR2004 (the longest tag Databricks takes)
            raise ValueError("holds a name or value that is empty, unprintable or longer than 128 characters")
    return value


def workspace_host(value: str) -> str:
    """Accept the host of a workspace, with or without https:// before it."""
    if "://" in value:
        checked = endpoint(value)
        if urlsplit(checked).path:
            raise ValueError("holds more than a host")
        return checked
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?/?", value):
        raise ValueError("is no host name")
    return value.rstrip("/")


def ledger_url(value: str) -> str:
    """Accept a SQLite file, or a PostgreSQL database by the driver that the miner brings."""
    if value.startswith("postgres"):
        return _postgres_url(value)
    file = value.removeprefix(SQLITE)
    if not value.startswith(SQLITE) or Path(file).name.startswith((":memory:", "file:")) or not file or "?" in file:
        raise ValueError("names no SQLite file")
    return value


def _postgres_url(value: str) -> str:
    if not value.startswith(POSTGRES):
        raise ValueError("names no driver, or one that the miner does not bring")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("is no address") from None
    if port == 0 or not parts.path.strip("/"):
        raise ValueError("names no database")
    return value


def endpoint(value: str) -> str:
    """Accept an address to which a token may be sent: over TLS, or on this machine."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("is no address")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("holds more than host, port and path")
    if parts.scheme == "http" and host not in _LOCAL_HOSTS:
        raise ValueError("would send credentials unprotected")
    return value.rstrip("/")


def database(value: str) -> str:
    """Accept an address of a database that naming knows; one with a password in it is none of OpenLineage's."""
    if not databases.scheme_of(value) and not value.lower().startswith("databricks://"):
        raise ValueError("is no address of a database whose assets are known")
    if "@" in value.partition("//")[2].partition("/")[0].partition(";")[0]:
        raise ValueError("holds a user")
    return value


def process_type(value: str) -> str:
    """Refuse the types that belong to Purview's own scan: only our own entities are ever rewritten."""
    if value.lower().startswith("databricks_"):
        raise ValueError("is the name of a type of Purview's own scan")
    return value


def schedule(value: str) -> str:
    """Refuse what is no schedule, or one that is never due."""
    timing(value)
    return value


def time_zone(value: str) -> str:
    """Refuse what the system has no time zone for."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone that this machine knows") from None
    return value


def listen(value: str) -> str:
    """Accept a host and a port, or that nothing is listened on."""
    host, _, port = value.rpartition(":")
    if value != "off" and not (host and port.isdigit() and int(port) < 65536):  # noqa: PLR2004 (ports end there)
        raise ValueError("is no host and port")
    return value
