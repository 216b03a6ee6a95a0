"""The stream `names`: what things are called, read once a run after the days and merged as one snapshot.

Names are attributes: a source that cannot tell them is mined all the same, and ids stand where a name is not known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from miner.ledger import LINEAGE, Ledger, NamesMerge, NamesStaging, matches, reading
from miner.ledger.leases import Lease
from miner.ports import NAMES, Names, TableName

log = structlog.get_logger()

OF_DAYS = "dbt_models"
"""The part that is told by the days mined; all others stand as they are now."""


@dataclass(frozen=True, slots=True)
class NamesRead:
    """What one source told: rows by part, and the parts it cannot tell, each with the reason."""

    source: str
    rows: Mapping[str, int]
    absent: Sequence[str]


def read_names(  # noqa: PLR0913 (one keyword for each thing a run knows)
    source: str,
    names: Names,
    ledger: Ledger,
    *,
    mined: Sequence[date],
    run_id: int,
    now: Callable[[], datetime],
    lease: Lease | None = None,
) -> NamesRead | None:
    """Read and merge every part there is; None when no day of the source was ever mined. Raises MinerError.

    `mined` are the days that this run mined. What was read is committed only as long as `lease` holds.
    """
    with ledger.reading() as connection:
        known = reading.last_day(connection, source, LINEAGE)
        if known is None:
            return None
        source_id, last = known
        lacking = matches.to_describe(connection, source_id)
    staging = ledger.stage_names(last)
    try:
        with ledger.told(), structlog.contextvars.bound_contextvars(source=source, stream="names"):
            _stage(staging, names, sorted(mined), last)
            _describe(staging, names, lacking)
        one = NamesMerge(source_id, last, now(), run_id, lease)
        ledger.record_names(one, staging)
    finally:
        staging.close()
    read = NamesRead(source, staging.rows_read, names.absent())
    log.info("names.read", source=source, rows=dict(read.rows), absent=list(read.absent))
    return read


def _stage(staging: NamesStaging, names: Names, mined: Sequence[date], last: date) -> None:
    first, until = (mined[0], mined[-1]) if mined else (last, last)
    for part in NAMES:
        if part == OF_DAYS and not mined:
            continue
        rows = names.read(part, first, until)
        if rows is not None:
            staging.add(part, rows)
    staging.finish()


def _describe(staging: NamesStaging, names: Names, lacking: Mapping[TableName, Sequence[int]]) -> None:
    """Take in the columns of tables that a catalog lacks, where they are told."""
    rows = names.columns(list(lacking)) if lacking else None
    if rows is not None:
        staging.add_columns(lacking, rows)
