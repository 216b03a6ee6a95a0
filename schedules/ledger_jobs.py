"""What can be done with the ledger itself: migrate, check, prune, dump, restore. Nothing is printed here."""

from datetime import timedelta
from pathlib import Path

import structlog

from miner.checks import Finding, findings
from miner.errors import LedgerError, SettingsError
from miner.ledger import Ledger
from miner.ledger.archive import archive
from miner.ledger.archive import restore as restored
from miner.ledger.dump import dump as dumped
from miner.ledger.query_pruning import prune_queries
from miner.ledger.roll_up import RolledUp, roll_up
from miner.ledger.soundness import checks
from miner.ledger.text_pruning import prune_texts
from schedules.parts import Parts
from sinks.placement import opened

log = structlog.get_logger()


def migrate(parts: Parts) -> tuple[str | None, str]:
    """Make the ledger, or bring it to this version; returns the version it had and the one it has."""
    with parts.ledger() as ledger:
        return ledger.versions


def check(parts: Parts) -> list[Finding]:
    """Look whether the ledger holds together. Nothing is changed."""
    with parts.known_ledger() as ledger, ledger.reading() as connection:
        return list(findings(checks(connection)))


def prune(parts: Parts) -> RolledUp:
    """Roll up usage, and forget statements, that are older than the settings keep. Raises SettingsError when all is."""
    if parts.settings.ledger.usage_days is None and not parts.settings.queries.mine:
        raise SettingsError(
            "there is nothing to prune: all usage is kept by day", mend="set [ledger] usage_days to keep less"
        )
    with parts.known_ledger() as ledger:
        return prune_ledger(ledger, parts)


def prune_ledger(ledger: Ledger, parts: Parts) -> RolledUp:
    """Do the same to a ledger that is open; usage stays where the settings keep all of it, statements never do.

    What entities may not tell of statements any more is forgotten too.
    """
    pruned = prune_queries(ledger, parts.statements_from, texts=parts.settings.queries.text)
    if pruned.days or pruned.texts:
        log.info("queries.pruned", days=pruned.days, rows=pruned.rows, texts=pruned.texts)
    if texts := prune_texts(ledger, parts.settings.purview.statement_text):
        log.info("texts.pruned", texts=texts)
    kept = parts.settings.ledger.usage_days
    if kept is None:
        return RolledUp(0, 0)
    done = roll_up(ledger, parts.now().date() - timedelta(days=kept))
    if done.days:
        log.info("usage.rolled_up", days=done.days, rows=done.rows)
    return done


def dump(parts: Parts, out: str, *, whole: bool = False) -> int:
    """Write the ledger as JSON lines to a file or to standard output (`-`); returns how many.

    By natural key, for comparing; or the `whole` of it, for restoring.
    """
    lines = 0
    with parts.known_ledger() as ledger, ledger.reading() as connection, opened(out) as stream:
        for line in archive(connection) if whole else map(str.encode, dumped(connection)):
            stream.write(line + b"\n")
            lines += 1
    return lines


def restore(parts: Parts, file: Path) -> int:
    """Fill an empty ledger, or one that is not there yet, from an archive; returns how many rows."""
    try:
        with file.open("rb") as lines, parts.ledger() as ledger:
            return restored(ledger, lines)
    except OSError as error:
        raise LedgerError(f"{file} cannot be read: {error.strerror}", mend="name a file that can be read") from error
