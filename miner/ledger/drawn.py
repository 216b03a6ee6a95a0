"""Wanted flows that become no entity, each with the reason, worked out set by set."""

from collections import Counter
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from miner import days, drawn, readers
from miner.drawn import Drawing
from miner.ledger import bulk, edges, tables


class LeftOut(NamedTuple):
    """Flows that become no entity: how many by reason, and one of each by name."""

    counts: Counter[str]
    examples: dict[str, str]


def leave_out(connection: Connection, drawing: Drawing) -> None:
    """Lay down the wanted flows that are not drawn, and the schemas of which nothing is.

    Call `miner.ledger.wanted.want` first; the first reason that holds is a flow's.
    """
    for statement in _BEGIN:
        connection.exec_driver_sql(statement)
    _leave_out_kinds(connection, drawing)
    if drawing.sandboxes:
        _leave_out_sandboxes(connection, drawing)
    connection.execute(text(_ONCE), {"reason": drawn.ONCE})
    if drawing.people_days > 1:
        _leave_out_people(connection, drawing)
    connection.exec_driver_sql(_FORGET)


def left_out(connection: Connection) -> LeftOut:
    """What `leave_out` laid down."""
    counts: Counter[str] = Counter()
    examples = {}
    for reason, flows, kind, identity, target in connection.exec_driver_sql(_COUNTED):
        counts[reason] = flows
        examples[reason] = f"{kind} {identity} → {target}"
    return LeftOut(counts, examples)


def done(connection: Connection) -> list[tuple[int, int, int]]:
    """The flows that were to be looked at and need not be again, as (process, target, version)."""
    rows = connection.execute(text(_DONE), _waiting())
    return [(process, target, version) for process, target, version in rows]


def waiting_anew(connection: Connection) -> list[tuple[int, int]]:
    """Flows (process, target) that wait for another day, and did not before: no day is to pass them by."""
    return [(process, target) for process, target in connection.execute(text(_ANEW), _waiting())]


def _waiting() -> dict[str, str]:
    return dict(zip(("once", "people"), drawn.WAITING, strict=True))


def _leave_out_kinds(connection: Connection, drawing: Drawing) -> None:
    kinds = [kind for (kind,) in connection.exec_driver_sql("SELECT DISTINCT kind FROM temp.named")]
    for kind in sorted(kinds):
        if not drawing.draws(kind):
            connection.execute(text(_OF_KIND), {"kind": kind, "reason": drawn.KIND})
        elif not drawing.consumes(kind):
            connection.execute(text(_ONLY_READS), {"kind": kind, "reason": drawn.CONSUMER})


def _leave_out_sandboxes(connection: Connection, drawing: Drawing) -> None:
    schemas = connection.exec_driver_sql("SELECT DISTINCT catalog, schema FROM dataset WHERE name IS NOT NULL")
    found = [(catalog, schema) for catalog, schema in schemas if drawing.sandbox(catalog, schema)]
    if found:
        bulk.insert(connection, "temp.sandbox", ("catalog", "schema"), found)
        connection.exec_driver_sql(_SANDBOXED)
        for statement in (_INTO_SANDBOX, _OUT_OF_SANDBOX):
            connection.execute(text(statement), {"reason": drawn.SANDBOX})


def _leave_out_people(connection: Connection, drawing: Drawing) -> None:
    _lay_down_days(connection)
    kinds = {f"kind_{number}": kind for number, kind in enumerate(drawn.PEOPLE_KINDS)}
    listed = ", ".join(f":{name}" for name in kinds)
    for statement, values in (
        (_SEEN.format(kinds=listed), kinds),
        (_RARE.format(before=int(drawing.people_days) - 1), {"within": drawing.people_within}),
        (_RUNNERS, {}),
    ):
        connection.execute(text(statement), values)
    machines = [
        (number,)
        for number, name in connection.exec_driver_sql(_RUNNERS_NAMED)
        if readers.kind_of(name) in {readers.SERVICE_PRINCIPAL, readers.SYSTEM}
    ]
    bulk.insert(connection, "temp.machine", ("reader",), machines)
    connection.execute(text(_OF_PEOPLE.format(kinds=listed)), {"reason": drawn.PEOPLE, **kinds})


def _lay_down_days(connection: Connection) -> None:
    """Every day mined of every source, as months have it and as usage has it."""
    mined = tables.day_mined
    found = connection.execute(select(mined.c.source_id, mined.c.day).where(mined.c.stream == "lineage")).all()
    days_of = [(source, number, days.day_of(number)) for source, number in found]
    rows = [(source, days.month(day), days.bit(day), number) for source, number, day in days_of]
    bulk.insert(connection, "temp.lineage_day", ("source_id", "month", "day_bit", "day"), rows)


_BEGIN = (
    *(
        f"DROP TABLE IF EXISTS temp.{name}"
        for name in ("undrawn", "sandboxed", "sandbox", "lineage_day", "seen", "rare", "runner", "machine")
    ),
    "CREATE TEMP TABLE undrawn (process INTEGER, target INTEGER, reason TEXT, PRIMARY KEY (process, target))",
    "CREATE TEMP TABLE sandbox (catalog TEXT, schema TEXT, PRIMARY KEY (catalog, schema))",
    "CREATE TEMP TABLE sandboxed (dataset INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE lineage_day (source_id INTEGER, month INTEGER, day_bit INTEGER, day INTEGER)",
    "CREATE INDEX temp.lineage_day_month ON lineage_day (source_id, month)",
    "CREATE TEMP TABLE machine (reader INTEGER PRIMARY KEY)",
)

_UNDRAWN = "INSERT OR IGNORE INTO temp.undrawn SELECT w.process, w.target, CAST(:reason AS TEXT) FROM temp.wanted w "

_OF_KIND = f"{_UNDRAWN} JOIN temp.named n ON n.id = w.process WHERE n.kind = :kind"

_ONLY_READS = (
    f"{_UNDRAWN} JOIN temp.named n ON n.id = w.process JOIN dataset t ON t.id = w.target "
    f"WHERE n.kind = :kind AND {edges.kind_of('t')} = 'consumer'"
)

_SANDBOXED = (
    "INSERT INTO temp.sandboxed SELECT d.id FROM temp.sandbox x "
    "JOIN dataset d ON d.catalog = x.catalog AND d.schema = x.schema"
)

_INTO_SANDBOX = f"{_UNDRAWN} JOIN temp.sandboxed x ON x.dataset = w.target"

_EDGES = "CROSS JOIN edge e ON e.process_id = w.raw_process AND e.target_dataset = w.raw_target"

_OUT_OF_SANDBOX = (
    "INSERT OR IGNORE INTO temp.undrawn SELECT w.process, w.target, CAST(:reason AS TEXT) FROM temp.wanted_raw w "  # noqa: S608
    f"{_EDGES} LEFT JOIN temp.dataset_alias a ON a.from_id = e.source_dataset "
    "LEFT JOIN temp.sandboxed x ON x.dataset = coalesce(a.to_id, e.source_dataset) "
    "GROUP BY w.process, w.target HAVING count(*) = count(x.dataset)"
)

# A job seen on a single day may be a one-time run that no grant lets us tell; it waits for a second day.
_ONCE = (
    f"{_UNDRAWN} WHERE w.process IN (SELECT e.process_id "  # noqa: S608
    "FROM (SELECT DISTINCT raw_process AS id FROM temp.wanted_raw) r "
    "CROSS JOIN process p ON p.id = r.id AND p.kind = 'job' CROSS JOIN edge e ON e.process_id = p.id "
    "CROSS JOIN edge_month m ON m.edge_id = e.id JOIN source s ON s.id = m.source_id "
    "WHERE m.day_bits <> 0 GROUP BY e.process_id "
    "HAVING max(CASE WHEN s.knows_run_types THEN 1 ELSE 0 END) = 0 AND max(m.day_bits & (m.day_bits - 1)) = 0 "
    "AND min((CAST(m.month AS BIGINT) << 32) | m.day_bits) = max((CAST(m.month AS BIGINT) << 32) | m.day_bits))"
)

# The days of all flows that people may have run, stale ones too: what was drawn once stays until its edges are stale.
_SEEN = (
    "CREATE TEMP TABLE seen AS SELECT DISTINCT w.process, w.target, k.source_id, k.month, k.day, "  # noqa: S608
    "e.target_dataset AS dataset, p.kind FROM temp.wanted_raw w "
    f"CROSS JOIN temp.named n ON n.id = w.process AND n.kind IN ({{kinds}}) {_EDGES} "
    "CROSS JOIN process p ON p.id = w.raw_process CROSS JOIN edge_month m ON m.edge_id = e.id "
    "CROSS JOIN temp.lineage_day k ON k.source_id = m.source_id AND k.month = m.month AND m.day_bits & k.day_bit <> 0"
)

_RARE = (
    "CREATE TEMP TABLE rare AS SELECT d.process, d.target FROM (SELECT o.process, o.target, o.day, "
    "lag(o.day, {before}) OVER (PARTITION BY o.process, o.target ORDER BY o.day) AS earlier FROM "
    "(SELECT DISTINCT process, target, day FROM temp.seen) o) d "
    "GROUP BY d.process, d.target HAVING max(CASE WHEN d.day - d.earlier < :within THEN 1 ELSE 0 END) = 0"
)

_WROTE = (
    "SELECT s.process, s.target, s.kind, u.reader_id AS reader FROM temp.rare r "
    "CROSS JOIN temp.seen s ON s.process = r.process AND s.target = r.target "
    "CROSS JOIN {usage} u ON u.source_id = s.source_id AND u.{unit} = s.{unit} AND u.dataset_id = s.dataset "
    "AND u.process_kind = s.kind AND u.writes > 0"
)

# Who wrote the target by such a process on a day of the flow: lineage itself is not kept by who ran it.
_RUNNERS = (
    "CREATE TEMP TABLE runner AS "
    f"{_WROTE.format(usage='usage_day', unit='day')} UNION {_WROTE.format(usage='usage_month', unit='month')}"
)

_RUNNERS_NAMED = "SELECT DISTINCT d.id, d.name FROM temp.runner r JOIN reader d ON d.id = r.reader"

_OF_PEOPLE = (
    "INSERT OR IGNORE INTO temp.undrawn SELECT r.process, r.target, CAST(:reason AS TEXT) FROM temp.rare r WHERE "
    "(r.process, r.target) NOT IN "
    "(SELECT u.process, u.target FROM temp.runner u JOIN temp.machine m ON m.reader = u.reader) "
    "AND (r.process, r.target) NOT IN (SELECT s.process, s.target FROM temp.seen s WHERE s.kind NOT IN ({kinds}))"
)

# A flow without a current edge is no flow any more, whatever else may be said of it.
_FORGET = (
    "DELETE FROM temp.undrawn WHERE (process, target) NOT IN (SELECT w.process, w.target FROM temp.undrawn u "  # noqa: S608
    f"JOIN temp.wanted_raw w ON w.process = u.process AND w.target = u.target {_EDGES} "
    f"WHERE {edges.IS_ACTIVE.format(edge='e.id')})"
)

_COUNTED = (
    "SELECT o.reason, o.flows, p.kind, p.process_id, coalesce(t.path, t.catalog || '.' || t.schema || '.' || t.name) "
    "FROM (SELECT u.reason, count(*) AS flows, min(u.process) AS process FROM temp.undrawn u GROUP BY u.reason) o "
    "JOIN process p ON p.id = o.process JOIN dataset t ON t.id = (SELECT min(u.target) FROM temp.undrawn u "
    "WHERE u.reason = o.reason AND u.process = o.process) ORDER BY o.reason"
)

_WAITING = (
    "SELECT w.raw_process, w.raw_target FROM temp.undrawn u JOIN temp.wanted_raw w "
    "ON w.process = u.process AND w.target = u.target WHERE u.reason IN (:once, :people)"
)

_DONE = (
    "SELECT process_id, target_dataset, version FROM temp.marked WHERE version > 0 "  # noqa: S608
    f"AND (process_id, target_dataset) NOT IN ({_WAITING})"
)

_ANEW = (
    f"SELECT DISTINCT e.process_id, e.target_dataset FROM ({_WAITING}) o "  # noqa: S608
    "JOIN edge e ON e.process_id = o.raw_process AND e.target_dataset = o.raw_target "
    "WHERE (e.process_id, e.target_dataset) NOT IN "
    "(SELECT process_id, target_dataset FROM temp.marked WHERE version > 0)"
)
