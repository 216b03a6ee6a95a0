"""Rows as the ledger gives them, short to write: a table is named `c.s.t`, anything else is a path."""

import datetime as dt
import json
import threading
from typing import Any

import pandas as pd
import pyarrow as pa

from miner.ports import Entity, Unmatched
from miner.schemas import FLOWS
from sinks.purview.names import Dataset

METASTORE = "11111111-2222-3333-4444-555555555555"
TABLES = f"databricks://{METASTORE}/catalogs/c/schemas/s/tables"


def dataset(name, kind="TABLE", metastore=METASTORE, spelling=None):
    """A dataset by its folded name."""
    parts = name.split(".")
    if len(parts) == 3 and "/" not in name:
        return Dataset(metastore, "table", *parts, "", kind, spelling or name)
    return Dataset(metastore, "path", "", "", "", name, "PATH", spelling or name)


def edge(source, target, *, process=1, pairs=(), verified=True, source_type="TABLE", target_type="TABLE", **values):
    """One row of FLOWS; ids of datasets follow from their names."""
    row: dict[str, Any] = {
        "process": process,
        "source": _number(source),
        "target": _number(target),
        "metastore_id": METASTORE,
        "workspace_id": "6051921418418893",
        "process_kind": "job",
        "process_id": str(100 + process),
        "column_pairs": json.dumps([list(pair) for pair in pairs]) if pairs else "",
        "verified": verified,
    }
    for end, name, kind in (("source", source, source_type), ("target", target, target_type)):
        given = dataset(name, kind)
        for part in ("kind", "catalog", "schema", "name", "path", "type", "spelling"):
            row[f"{end}_{part}"] = getattr(given, part)
    return row | values


def flows(*edges):
    """One batch of FLOWS."""
    return pa.RecordBatch.from_pylist(list(edges), schema=FLOWS)


def body(entity: Entity) -> dict[str, Any]:
    """An entity's body, read."""
    read: dict[str, Any] = json.loads(entity.body)
    return read


class Clock:
    """Seconds that pass only by sleeping, for any number of threads."""

    def __init__(self):
        self.now = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        with self._lock:
            self.slept.append(round(seconds, 6))
            self.now += seconds


class Reports(list[Unmatched]):
    """Collects what is reported as unmatched."""

    def __call__(self, one: Unmatched) -> None:
        self.append(one)


def popularity(*rows):
    """The frame of popularity; each row tells what differs from a table read ten times."""
    usual = {
        "metastore_id": METASTORE,
        "dataset": "c.s.t",
        "kind": "table",
        "dataset_type": "TABLE",
        "window_days": 30,
        "as_of": dt.date(2026, 11, 20),
        "reads": 10,
        "writes": 2,
        "readers": 3,
        "people": 2,
        "machines": 1,
        "indirect_reads": 1,
        "last_read": dt.date(2026, 11, 19),
        "last_write": dt.date(2026, 11, 1),
        "score": 3.3000000001,
        "band": 4,
        "trend": 0.5,
        "partial": False,
        "partial_days": 0,
    }
    return pd.DataFrame([usual | row for row in rows], columns=list(usual))


def column_popularity(*rows):
    """The frame of popularity of columns; each row tells what differs from a column read ten times."""
    frame = popularity(*rows)
    names = ("writes", "indirect_reads", "last_write")
    return frame.assign(column=[row.get("column", "id") for row in rows]).drop(columns=[*names])


def entity(number=1, kind="process", size=100, type_name="uc_miner_process"):
    """An entity of a given size whose content does not matter."""
    name = f"uc-miner://{number}"
    padding = "x" * max(0, size - 2 - len('"p":""'))
    return Entity(kind, name, type_name, json.dumps({"p": padding}, separators=(",", ":")).encode(), "", 1)


_numbers: dict[str, int] = {}


def _number(name):
    return _numbers.setdefault(name, len(_numbers) + 1)
