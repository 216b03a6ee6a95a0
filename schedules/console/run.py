"""What a run did: days mined, the balance of rows, entities."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from miner.changes import COLUMN_USAGE, PROCESS, SUMMARY, USAGE, Changes, Verified
from miner.ledger import retirement_rules as rules
from miner.mining import MinedDay
from miner.pipeline import Outcome
from miner.schemas import HISTORY_STATEMENTS, LINEAGE_STATEMENTS
from schedules.balance import KEPT, Balance
from schedules.console.screen import Column, Screen, number
from schedules.jobs import Ran

_STREAMS = {
    ("lineage", "table_lineage"): "lineage of tables",
    ("lineage", "column_lineage"): "of columns",
    ("usage", "table_lineage"): "usage",
    ("cost", "billing_usage"): "cost",
    ("columns", "column_lineage"): "usage of columns",
    ("queries", "query_history"): "queries",
}

_MOST_REASONS = 10

_MEANINGS = {
    "elsewhere": "billed, for a workspace not seen",
    "excluded_catalog": "in [mining.exclude] catalogs",
    "excluded_path": "in [mining.exclude] paths",
    "excluded_process_kind": "in [mining.exclude]",
    "excluded_schema": "in [mining.exclude] schemas",
    "excluded_table": "in [mining.exclude] tables",
    "excluded_workspace": "in [mining.exclude]",
    "failed_read": "read by a failed or cancelled statement",
    "incomplete_name": "a name without catalog or schema",
    "indirect": "read through a view: no edge",
    KEPT: "in the ledger",
    "no_column": "a column pair with one end",
    "no_dataset": "neither source nor target",
    "no_price": "billed, with no list price",
    "no_warehouse": "billed, for no SQL warehouse",
    "not_included_catalog": "not in [mining.include] catalogs",
    "not_included_path": "not in [mining.include] paths",
    "not_included_process_kind": "not in [mining.include]",
    "not_included_schema": "not in [mining.include] schemas",
    "not_included_table": "not in [mining.include] tables",
    "not_included_workspace": "not in [mining.include]",
    "no_statement": "a statement without an id",
    "no_text": "a text not shown: counted by type",
    "no_table_edge": "columns without an edge of tables",
    "own_read": "the miner's own reads",
    "own_statement": "the miner's own statements",
    "read_only": "without target: usage, no edge",
    "self_edge": "a table into itself, such as MERGE",
    "self_read": "into its own table, such as MERGE",
    "write_only": "a write without source: no edge",
}


def show_run(screen: Screen, ran: Ran) -> None:
    """Everything a run did."""
    show_mined(screen, ran)
    changes = ran.outcome.changes
    if changes is not None:
        screen.heading("Entities")
        show_changes(screen, changes)
    show_notes(screen, ran)


def show_emitted(screen: Screen, outcome: Outcome) -> None:
    """What was sent, or read back."""
    if outcome.changes is not None:
        show_changes(screen, outcome.changes)
    if outcome.verified is not None:
        _show_verified(screen, outcome.verified)
    for error in outcome.held:
        screen.line(f"warning: {error.message}: left to it (--wait waits for it)", "yellow")


def _show_verified(screen: Screen, verified: Verified) -> None:
    chosen = f"{verified.processes:,} processes"
    for kind, text in ((SUMMARY, "summaries"), (USAGE, "assets with figures"), (COLUMN_USAGE, "columns with figures")):
        chosen += f", {verified.chosen[kind]:,} {text}" if verified.chosen[kind] else ""
    screen.line(f"{verified.entities:,} entities of {chosen} read back")
    rejected = verified.changes.rejected.total()
    screen.line(f"{len(verified.wrong):,} were not as they should be: {len(verified.wrong) - rejected:,} sent again")
    for name in verified.wrong[:_MOST_REASONS]:
        screen.line(f"  {name}")
    for reason, count in verified.changes.rejected.most_common(_MOST_REASONS):
        screen.line(f"rejected: {count:,} for {reason}", "red")


def show_mined(screen: Screen, ran: Ran) -> None:
    """The days and the balance."""
    if not ran.outcome.days:
        done = not (ran.outcome.failures or ran.outcome.held or ran.outcome.stopped)
        screen.line("nothing was due: every day is mined and settled" if done else "no day was mined")
        return
    screen.line("Mined", "bold")
    columns = (Column("source"), Column("stream"), number("days"), Column("first"), Column("last"), number("rows"))
    screen.table(columns, _days(ran.outcome.days))
    screen.heading("What became of the rows")
    show_balance(screen, ran.balance)


def show_notes(screen: Screen, ran: Ran) -> None:
    """What the operator should know, and what was assumed."""
    if ran.warnings or ran.remarks:
        screen.line()
    for text in ran.warnings:
        screen.line(f"warning: {text}", "yellow")
    for text in ran.remarks:
        screen.line(f"note: {text}")


def show_balance(screen: Screen, balance: Balance) -> None:
    """Rows in, kept, and dropped by reason, of each table in each stream."""
    columns = balance.columns
    heads = [number(_STREAMS.get(column, " ".join(column))) for column in columns]
    lines: list[tuple[object, ...]] = [("rows in", *(balance.rows(column) for column in columns), "")]
    lines += [
        (name, *(balance.rows(column, name) or None for column in columns), _MEANINGS.get(name, ""))
        for name in (KEPT, *balance.reasons)
    ]
    screen.table((Column(""), *heads, Column("")), lines)
    for line in _enrichment(balance):
        screen.line(line)


def _enrichment(balance: Balance) -> Iterator[str]:
    """How far lineage and query history tell of the same statements, where either has any."""
    lineage, history = balance.counted(LINEAGE_STATEMENTS), balance.counted(HISTORY_STATEMENTS)
    without = lineage.pop("no_statement_id", 0)
    if lineage:
        found = f"{lineage['in_history']:,} of {lineage.total():,} statements of lineage are in query history"
        if lineage["history_not_read"]:
            found += f"; for {lineage['history_not_read']:,} it was not read"
        yield f"{found}; {without:,} rows of lineage have no statement id"
    if history.total():
        yield f"{history['in_lineage']:,} of {history.total():,} statements of query history left lineage"


_RETIRED = {
    rules.AGED: "their target was written without them for [mining] stale_days",
    rules.COLUMNS: "seen without some of their column pairs for as long: only these go",
    rules.DROPPED: "one of their tables is missing from information_schema for [mining] dropped_days",
    rules.RECREATED: "their target was dropped and made anew",
    rules.REPLACED: "a statement replaced their target since: CREATE OR REPLACE TABLE",
    rules.REDEFINED: "their target is a view that was defined anew",
}

_ENTITIES = (
    ("processes", (PROCESS,)),
    ("more columns of processes", ("columns",)),
    ("what they are part of", ("runnable", "parent")),
    ("consumers", ("consumer",)),
    ("summaries of many", ("summary",)),
    ("assets made, with their columns", ("asset",)),
    ("usage of assets", (USAGE,)),
    ("usage of columns", (COLUMN_USAGE,)),
)
"""Kinds of entities as they are told of; those without any are not told, but for processes and usage."""


def show_changes(screen: Screen, changes: Changes) -> None:
    """Entities by what happened to them, and what has none, by reason."""
    heads = (Column(""), number("created"), number("changed"), number("removed"), number("unchanged"))
    screen.table(heads, _changes(changes))
    if changes.unfinished:
        screen.line("time was up before all was sent: the next run, or uc-miner emit, goes on", "yellow")
    if changes.waiting:
        screen.line(f"{changes.waiting:,} flows of jobs seen on a single day wait for a second one")
    if changes.summarised:
        screen.line(
            f"{changes.summarised:,} flows are drawn by summaries: more than [purview] most_processes at one dataset"
        )
    if changes.retired:
        screen.heading("Retired")
        columns = (number("edges"), Column("rule"), Column(""))
        screen.table(columns, [(count, rule, _RETIRED[rule]) for rule, count in sorted(changes.retired.items())])
    if changes.held_back:
        screen.line(
            f"{changes.held_back:,} processes are to be removed, and more than [purview] max_removals allow", "red"
        )
    if changes.looked_up:
        found = ", ".join(f"{count:,} {state}" for state, count in sorted(changes.looked_up.items()))
        screen.line(f"{changes.looked_up.total():,} datasets looked up in Purview: {found}")
    for reason, count in changes.rejected.most_common(_MOST_REASONS):
        screen.line(f"rejected: {count:,} for {reason}", "red")
    if changes.unmatched:
        screen.heading("Without an entity")
        told = changes.unmatched.most_common(_MOST_REASONS)
        rows = [(count, reason, changes.examples[reason]) for reason, count in told]
        screen.table((number("count"), Column("reason"), Column("example")), rows)
    for what, reasons in (("rejections", changes.rejected), ("things without an entity", changes.unmatched)):
        if len(reasons) > _MOST_REASONS:
            rest = reasons.total() - sum(count for _, count in reasons.most_common(_MOST_REASONS))
            screen.line(f"and {rest:,} more {what}, for {len(reasons) - _MOST_REASONS:,} other reasons")


def _changes(changes: Changes) -> Iterator[tuple[object, ...]]:
    for text, kinds in _ENTITIES:
        removed = sum(len(changes.orphans.get(kind, ())) for kind in kinds)
        created, changed, unchanged = (
            sum(counted[kind] for kind in kinds) for counted in (changes.created, changes.changed, changes.unchanged)
        )
        if kinds[0] in {PROCESS, USAGE} or created or changed or removed or unchanged:
            yield text, created, changed, None if kinds[0] in {USAGE, COLUMN_USAGE} else removed, unchanged


def _days(days: Sequence[MinedDay]) -> Iterator[tuple[object, ...]]:
    for (source, stream), group in groupby(days, key=lambda day: (day.source, day.stream)):
        mined = list(group)
        yield source, stream, len(mined), mined[0].day, mined[-1].day, sum(day.rows for day in mined)
