"""List cost of statements, as a source may be without it, and as money: all of it is an estimate.

The cost of a SQL warehouse's hour is laid on the statements that worked in it, by their share of the work, and a
statement's cost in equal parts on the datasets that it read directly. List prices are no invoice.
"""

import structlog
from sqlalchemy import Connection, select

from miner.ledger import Ledger, sent, tables
from miner.streams import Source

log = structlog.get_logger()

_LEFT_OUT = "cost left out: "


def left_out(source: Source, ledger: Ledger) -> str:
    """Why a source has no cost, which the ledger remembers; empty when it has. Raises MinerError."""
    reason = source.costs.missing() if source.costs else ""
    if reason:
        log.info("cost.left_out", source=source.name, reason=reason)
    name = f"{_LEFT_OUT}{source.name}"
    with ledger.reading() as connection:
        known = sent.setting(connection, name)
    if known != reason:
        with ledger.writing() as connection:
            sent.remember(connection, name, reason)
    return reason


def reasons(connection: Connection) -> dict[str, str]:
    """Sources that had no cost when they were last mined, each with the reason."""
    held = tables.setting
    found = connection.execute(select(held).where(held.c.name.startswith(_LEFT_OUT)).order_by(held.c.name))
    return {name.removeprefix(_LEFT_OUT): value for name, value in found if value}
