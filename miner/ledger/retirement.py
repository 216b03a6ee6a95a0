"""Which edges are current no more, and why: worked out from settled days, and kept.

Nothing is retired by the clock: days count only once they are mined and settled. A source's edges are judged again when
more days of it settled, only at the targets written on these; all of them, when a day that was settled is another one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, func, select, text

from miner import days
from miner.ledger import bulk, dirty, edges, tables
from miner.ledger import retirement_rules as rules
from miner.ledger.leases import Writes
from miner.ledger.store import Ledger

log = structlog.get_logger()

STALE_DAYS = 180
DROPPED_DAYS = 30


class Limits(NamedTuple):
    """How many days an edge may be stale, and a table be missing, before it counts no more."""

    stale_days: int = STALE_DAYS
    dropped_days: int = DROPPED_DAYS


class _Settled(NamedTuple):
    """The settled days of a source, with texts that change when one is another than it was."""

    days: Mapping[int, str]
    limits: Limits

    @property
    def last(self) -> int:
        return max(self.days, default=0)

    def content(self, until: int) -> str:
        told = [repr(self.limits), *(f"{day}:{mark}" for day, mark in sorted(self.days.items()) if day <= until)]
        return hashlib.blake2b("|".join(told).encode(), digest_size=16).hexdigest()


class _State(NamedTuple):
    """Up to which day a source was judged, and from what."""

    day: int
    content: str
    evidence: str


class _Judgement(NamedTuple):
    """What is to be retired, as (edge, set, month, day, rank), and no longer, as (edge, set)."""

    retire: Sequence[Sequence[int]]
    release: Sequence[Sequence[int]]


def retire(ledger: Ledger, limits: Limits, writes: Writes | None = None) -> None:
    """Bring the ledger's list of what is retired up to date; flows that it changes are to be looked at."""
    with ledger.reading() as connection:
        sources = list(connection.execute(select(tables.source.c.id, tables.source.c.name)).all())
    for source, name in sources:
        with ledger.reading() as connection:
            settled, evidence = _settled(connection, source, limits), _evidence(connection, source)
            state = _State(settled.last, settled.content(settled.last), evidence)
            before = _known(connection, source)
            if not settled.days or state == before:
                continue
            judgement = _judged(connection, source, settled, before)
        _keep(writes or ledger, source, state, judgement)
        fired = Counter(rules.RULES[row[4]] for row in judgement.retire)
        if fired or judgement.release:
            log.info("edges.retired", source=name, **fired, released=len(judgement.release))


def counts(connection: Connection, since: int) -> Counter[str]:
    """How many edges were retired after a step, by rule. Call `miner.ledger.wanted.resolve` first.

    What goes on under another of its identities, as one-time runs do, is not retired.
    """
    found = connection.execute(text(_COUNTS), {"since": since})
    return Counter({rule: number for rule, number in found})  # noqa: C416 -- rows are no pairs to mypy


def step(connection: Connection) -> int:
    """The number of the last step that retired something."""
    return int(connection.execute(text("SELECT coalesce(max(step), 0) FROM retirement")).scalar_one())


def _settled(connection: Connection, source: int, limits: Limits) -> _Settled:
    mined = tables.day_mined.c
    query = select(mined.day, mined.rows_total, mined.rules, mined.mined_at, mined.run_id).where(
        mined.source_id == source, mined.stream == "lineage", mined.settled
    )
    return _Settled({row[0]: ":".join(map(str, row[1:])) for row in connection.execute(query)}, limits)


def _evidence(connection: Connection, source: int) -> str:
    """A text that changes when tables may have been found dropped or made anew."""
    read, mined, gone = tables.names_read.c, tables.day_mined.c, tables.table_gone.c
    names = select(read.rows, read.last_day, read.content).where(read.source_id == source, read.part == "tables")
    missing = select(func.count(), func.min(gone.since_day), func.max(gone.since_day)).where(gone.source_id == source)
    usage = select(mined.source_id, mined.day, mined.content).where(mined.stream == "usage")
    usage = usage.order_by(mined.source_id, mined.day)
    digest = hashlib.blake2b(digest_size=16)
    for row in (*connection.execute(names), *connection.execute(missing), *connection.execute(usage)):
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def _known(connection: Connection, source: int) -> _State | None:
    held = tables.retirement.c
    row = connection.execute(select(held.day, held.content, held.evidence).where(held.source_id == source)).first()
    return _State(*row) if row else None


def _judged(connection: Connection, source: int, settled: _Settled, before: _State | None) -> _Judgement:
    values = {"source": source, "stale": settled.limits.stale_days, "dropped": settled.limits.dropped_days}
    for statement in rules.LAY_DOWN:
        connection.exec_driver_sql(statement)
    bulk.insert(connection, "temp.settled", ("day", "month", "bit", "of_month"), map(_calendar, sorted(settled.days)))
    if before is not None and settled.content(before.day) == before.content:
        for month, bits in _by_month(day for day in settled.days if day > before.day).items():
            connection.execute(text(rules.WRITTEN_TARGETS), {"source": source, "month": month, "bits": bits})
    else:
        connection.exec_driver_sql(rules.ALL_TARGETS)
        connection.execute(text(rules.ALL_RETIRED), {"source": source})
    for statement in (rules.FORCE_EVIDENCE, *rules.JUDGE):
        connection.execute(text(statement), _needed(statement, values))
    told = [connection.execute(text(one), {"source": source}).all() for one in (rules.RETIRE, rules.RELEASE)]
    return _Judgement(*told)


def _calendar(number: int) -> tuple[int, int, int, int]:
    day = days.day_of(number)
    return number, days.month(day), days.bit(day), day.day


def _by_month(numbers: Iterable[int]) -> dict[int, int]:
    months: dict[int, int] = {}
    for number in numbers:
        day = days.day_of(number)
        months[days.month(day)] = months.get(days.month(day), 0) | days.bit(day)
    return months


def _keep(writes: Writes, source: int, state: _State, judgement: _Judgement) -> None:
    with writes.writing() as connection:
        number = step(connection) + 1
        for statement in _LAY_DOWN:
            connection.exec_driver_sql(statement)
        retired = ((*row[:4], rules.RULES[row[4]]) for row in judgement.retire)
        bulk.insert(connection, "temp.retiring", ("edge_id", "set_id", "month", "day", "rule"), retired)
        bulk.insert(connection, "temp.releasing", ("edge_id", "set_id"), judgement.release)
        values = {"source": source, "step": number, **state._asdict()}
        for statement in _KEEP:
            connection.execute(text(statement), _needed(statement, values))
        for statement in _TAKE_UP:
            connection.exec_driver_sql(statement)


def _needed(statement: str, values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if f":{name}" in statement}


def _raw(end: str, kind: str) -> str:
    return f"(SELECT r.{end} AS id UNION ALL SELECT from_id FROM temp.{kind}_alias WHERE to_id = r.{end})"  # noqa: S608


_COUNTS = (
    "SELECT r.rule, count(*) FROM (SELECT coalesce(pa.to_id, e.process_id) AS process, "  # noqa: S608 -- ours
    "coalesce(sa.to_id, e.source_dataset) AS source, coalesce(ta.to_id, e.target_dataset) AS target, "
    "min(o.rule) AS rule FROM edge_retired o JOIN edge e ON e.id = o.edge_id "
    f"{edges.FLOW_RESOLVED} {edges.SOURCE_RESOLVED} WHERE o.step > :since GROUP BY 1, 2, 3) r "
    f"WHERE r.rule = '{rules.COLUMNS}' OR NOT EXISTS (SELECT 1 FROM {_raw('process', 'process')} p "
    f"CROSS JOIN {_raw('target', 'dataset')} t ON true JOIN edge x ON x.process_id = p.id AND x.target_dataset = t.id "
    f"WHERE x.source_dataset IN {_raw('source', 'dataset')} AND {edges.IS_ACTIVE.format(edge='x.id')}) "
    "GROUP BY r.rule"
)

# A transaction that commits leaves its temporary tables to the connection, and so to the pool.
_TAKE_UP = tuple(f"DROP TABLE temp.{name}" for name in ("retiring", "releasing"))

_LAY_DOWN = (
    "CREATE TEMP TABLE retiring (edge_id INTEGER, set_id INTEGER, month INTEGER, day INTEGER, rule TEXT)",
    "CREATE TEMP TABLE releasing (edge_id INTEGER, set_id INTEGER)",
)

_KEEP = (
    (
        "DELETE FROM edge_retired WHERE source_id = :source AND (edge_id, set_id) IN "
        "(SELECT edge_id, set_id FROM temp.releasing)"
    ),
    (
        "INSERT INTO edge_retired (edge_id, source_id, set_id, month, day, rule, step) "
        "SELECT edge_id, CAST(:source AS INTEGER), set_id, month, day, rule, CAST(:step AS INTEGER) "
        "FROM temp.retiring WHERE true "
        "ON CONFLICT (edge_id, source_id, set_id) DO UPDATE SET month = excluded.month, day = excluded.day, "
        "rule = excluded.rule, step = excluded.step"
    ),
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM (SELECT edge_id FROM temp.retiring "
        "UNION SELECT edge_id FROM temp.releasing) c JOIN edge e ON e.id = c.edge_id WHERE true"
    ),
    (
        "INSERT INTO retirement (source_id, day, content, evidence, step) VALUES (:source, :day, :content, :evidence, "
        ":step) ON CONFLICT (source_id) DO UPDATE SET day = excluded.day, content = excluded.content, "
        "evidence = excluded.evidence, step = CASE WHEN EXISTS (SELECT 1 FROM temp.retiring) THEN excluded.step "
        "ELSE retirement.step END"
    ),
)
