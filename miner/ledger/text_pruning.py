"""Texts of flows are kept as long as the settings say: what is beyond is forgotten."""

from sqlalchemy import text

from miner.ledger.store import Ledger

_TOO_LONG = "WHERE length(text) > :length"


def prune_texts(ledger: Ledger, length: int) -> int:
    """Forget what texts say beyond so many characters, all of it at 0; returns of how many. Raises LedgerError.

    That a flow had a text stays known: its entity may still tell it.
    """
    values = {"length": length}
    with ledger.reading() as connection:
        if connection.execute(text(f"SELECT 1 FROM flow_text {_TOO_LONG} LIMIT 1"), values).first() is None:  # noqa: S608
            return 0
    with ledger.writing() as connection:
        cut = f"UPDATE flow_text SET text = substr(text, 1, CAST(:length AS INTEGER)) {_TOO_LONG}"  # noqa: S608
        return connection.execute(text(cut), values).rowcount
