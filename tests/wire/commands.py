"""Statements that are no question: SET and USE, noted in the session."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

_SET = re.compile(r"(?is)^\s*SET\s+(?:TIME\s+ZONE\s+(?P<zone>.+?)|(?P<name>[\w.]+)\s*=\s*(?P<value>.*?))\s*;?\s*$")
_USE = re.compile(r"(?is)^\s*USE\s+(?P<kind>CATALOG|SCHEMA|DATABASE)?\s*`?(?P<name>[\w-]+)`?\s*;?\s*$")


class Noted(Protocol):
    """What a session lets a command change."""

    configuration: dict[str, str]
    catalog: str
    schema: str


@dataclass(slots=True)
class Told:
    """A small answer that needs no engine."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self.table.schema

    def begin(self) -> Iterator[pa.RecordBatch]:
        """Its rows."""
        return iter(self.table.to_batches())

    def interrupt(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


def understood(text: str, session: Noted) -> Told | None:
    """Carry out a command; None when the text is something else."""
    if found := _SET.match(text):
        name = "TIMEZONE" if found["zone"] else found["name"].upper()
        value = (found["zone"] or found["value"]).strip().strip("'\"")
        session.configuration[name] = value
        return Told(pa.table({"key": [name], "value": [value]}))
    if found := _USE.match(text):
        if (found["kind"] or "").upper() == "CATALOG":
            session.catalog, session.schema = found["name"], "default"
        else:
            session.schema = found["name"]
        return Told(pa.table({}))
    return None
