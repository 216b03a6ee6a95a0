"""The demo: a whole estate mined into one folder, the way `run` and `report` do it, and what is to be seen there."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from miner import emission, mining
from miner.errors import EmptySourceError, SettingsError
from miner.exclusions import DEFAULT
from miner.ports import TABLE_LINEAGE, Span
from queries.sample import MINER
from queries.sample.writer import Progress
from schedules import jobs, settings
from schedules.jobs import EstateSize, Ran
from schedules.parts import Now, Parts, reading
from schedules.settings.model import FilesSource
from sinks.placement import placed, refused

ESTATE = "estate"
SETTINGS = "uc-miner.toml"
LEDGER = "ledger.db"
PURVIEW = "purview"
POPULARITY = "popularity.csv"
EDGES = "edges.csv"
SOURCE = "demo"

MOST_DAYS = 365
"""As many days as system tables keep; older ones in an export are left out."""

_MARK = "# Made by `uc-miner demo`; --force makes it anew."
_SETTINGS = """{mark}
[ledger]
url = "sqlite:///{ledger}"

[mining]
start = {start}

[sources.{source}]
kind = "files"
path = {path}
principal = "{principal}"

[purview]
sink = "files"
out = "{purview}"
"""
