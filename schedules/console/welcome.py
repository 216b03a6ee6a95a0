"""What `uc-miner` alone says: what to do next."""

from datetime import date, timedelta
from pathlib import Path

from schedules.console.screen import Screen

_NOTHING_YET = """\
uc-miner brings the lineage and usage of Databricks Unity Catalog into Microsoft Purview.

1. See it work, on a made-up estate:

     uc-miner demo --out demo-out

2. Point it at your own exported system tables, in {file}:

     [sources.prod]
     kind = "files"
     path = "exports/prod"
     [mining]
     start = {start}

   with files such as exports/prod/system/access/table_lineage/part-0.parquet

3. Mine them, and see what would go to Purview:

     uc-miner run

uc-miner --help lists the commands."""

_SETTINGS_THERE = """\
uc-miner brings the lineage and usage of Databricks Unity Catalog into Microsoft Purview.
Settings are in {file}.

     uc-miner run                           mine what is due and emit what changed
     uc-miner status                        what is mined, and how the last runs ended
     uc-miner plan                          what a run would change in Purview
     uc-miner report --csv popularity.csv   who reads what

uc-miner --help lists the commands."""


def show_next_step(screen: Screen, file: Path, today: date) -> None:
    """The next step, which depends on whether there are settings."""
    text = _SETTINGS_THERE if file.exists() else _NOTHING_YET
    screen.line(text.format(file=file, start=today - timedelta(days=30)))
