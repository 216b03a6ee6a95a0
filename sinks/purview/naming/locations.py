"""Addresses as they are written: scheme, authority and path, with one spelling of each scheme."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_ALIASES = {"abfs": "abfss", "wasb": "wasbs", "s3a": "s3", "s3n": "s3", "gcs": "gs", "http": "https"}
"""Hadoop's and others' names of one and the same service."""

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=/|$)(?://([^/]*))?(.*)", re.DOTALL)
_FORMAT = re.compile(r"\w+\.`(.*/.*)`", re.DOTALL)
"""A path in SQL, such as delta.`abfss://…`."""

_WEB = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Location:
    """The parts of an address; a bare path has neither scheme nor authority. The path is as written."""

    scheme: str
    authority: str
    path: str

    @property
    def segments(self) -> list[str]:
        """The path's segments, normalised as Purview does: no empty ones, no blanks around any."""
        return segments(self.path)

    @property
    def plain(self) -> str:
        """One spelling for comparison: host folded, slashes single, none at the end."""
        root = f"{self.scheme}://{self.authority.lower()}" if self.authority else f"{self.scheme}:"
        return "/".join([root if self.scheme else "", *self.segments])


def located(text: str) -> Location:
    """The parts of an address. Never raises."""
    text = text.strip()
    if quoted := _FORMAT.fullmatch(text):
        text = quoted[1].strip()
    found = _URI.fullmatch(unsigned(text))
    if not found:
        return Location("", "", text)
    scheme = found[1].lower()
    return Location(_ALIASES.get(scheme, scheme), (found[2] or "").strip(), found[3])


def unsigned(path: str) -> str:
    """Without a web address's query, which may be a shared access signature: a secret, and new every time."""
    return path.partition("?")[0] if path[:8].lower().startswith(_WEB) else path


def segments(path: str) -> list[str]:
    """The segments of a path without empty ones and without blanks around them.

    https://learn.microsoft.com/en-us/purview/concept-asset-normalization
    """
    return [segment for part in path.split("/") if (segment := part.strip())]


def decoded(parts: Sequence[str]) -> list[str]:
    """Percent escapes read once; a segment that would fall apart, or is no text, stays as it is."""
    return [_decoded(part) if "%" in part else part for part in parts]


def _decoded(segment: str) -> str:
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeError:  # bytes that are no text, or a lone surrogate
        return segment
    return text if text.strip() == text != "" and text.isprintable() and "/" not in text else segment
