"""Datasets with so many processes on one side that one summary stands for all of them, worked out set by set.

A side is `written` (what writes the dataset) or `read` (what reads it). An edge is drawn by the summary of its target,
else by that of its source, else by its process. Consumers are never part of one: each is an answer by itself.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, text

from miner.drawn import Drawing
from miner.ledger import bulk, edges, tables

READ, WRITTEN = "read", "written"

PLACES = {READ: 1, WRITTEN: 2}
"""What stands for a side where the ledger of what was sent has the target of a flow."""

Side = tuple[int, str]
"""A dataset and one of its sides."""

_ENDS = {READ: "source_dataset", WRITTEN: "target_dataset"}


def begin(connection: Connection) -> None:
    """Lay down that nothing is summarised."""
    for statement in _BEGIN:
        connection.exec_driver_sql(statement)


def as_known(connection: Connection, sink: str) -> None:
    """Lay down what was summarised when a sink was last brought up to date; none of it is looked at."""
    bulk.insert(connection, "temp.hub", ("dataset", "side"), sorted(known(connection, sink)))


def look_at(connection: Connection, places: Sequence[tuple[int, int]]) -> bool:
    """Want all that the summaries of some sides, given by dataset and place, stand for; whether that is anything."""
    names = {place: side for side, place in PLACES.items()}
    told = [(dataset, names[place], 0) for dataset, place in sorted(set(places))]
    bulk.insert(connection, "temp.together", ("dataset", "side", "flows"), told)
    more = 0
    for side in PLACES:
        more += connection.execute(text(_WANT.format(end=_ENDS[side])), {"side": side}).rowcount
    return more > 0


def gather(connection: Connection, sink: str, drawing: Drawing) -> bool:
    """Lay down what is summarised, and want all that a summary to be looked at stands for; whether those are more.

    Call it when the wanted flows, and those left out, are laid down.
    """
    before = known(connection, sink)
    if not (drawing.most_processes or before):
        return False
    for statement in _TOUCHED:
        connection.execute(text(statement), {"sink": sink} if ":sink" in statement else {})
    looked_at = _looked_at(connection, drawing, before)
    now = {side for side, flows in looked_at.items() if flows > _least(drawing, summarised=side in before)}
    gone = {(dataset, side) for dataset, side in connection.execute(text(_KNOWN_TOUCHED), {"sink": sink})} - now
    bulk.insert(connection, "temp.hub", ("dataset", "side"), sorted(now | (before - gone)))
    again = sorted(now | gone)
    bulk.insert(
        connection, "temp.together", ("dataset", "side", "flows"), ((*one, looked_at.get(one, 0)) for one in again)
    )
    more = 0
    for side, place in PLACES.items() if again else ():
        more += connection.execute(text(_WANT.format(end=_ENDS[side])), {"side": side}).rowcount
        connection.execute(text(_WANT_ITSELF), {"side": side, "place": place})
    return more > 0


def summarised(connection: Connection) -> int:
    """How many flows are drawn by the summaries that are looked at."""
    query = "SELECT s.flows FROM temp.together s JOIN temp.hub h ON h.dataset = s.dataset AND h.side = s.side"
    return sum(flows for (flows,) in connection.exec_driver_sql(query))


def hubs(connection: Connection) -> set[Side]:
    """All that is summarised, as `gather` laid it down."""
    return {(dataset, side) for dataset, side in connection.exec_driver_sql("SELECT dataset, side FROM temp.hub")}


def known(connection: Connection, sink: str) -> set[Side]:
    """All that was summarised when a sink was last brought up to date."""
    held = tables.summary
    rows = connection.execute(select(held.c.dataset_id, held.c.side).where(held.c.sink == sink))
    return {(dataset, side) for dataset, side in rows}


def remember(connection: Connection, sink: str, now: set[Side]) -> None:
    """Keep what is summarised. `connection` writes."""
    held, before = tables.summary, known(connection, sink)
    for dataset, side in sorted(before - now):
        is_it = (held.c.sink == sink, held.c.dataset_id == dataset, held.c.side == side)
        connection.execute(delete(held).where(*is_it))
    for dataset, side in sorted(now - before):
        connection.execute(insert(held).values(sink=sink, dataset_id=dataset, side=side))


def _least(drawing: Drawing, *, summarised: bool) -> int:
    """Flows that are no summary any more; fewer where there is one, so that it does not come and go."""
    most = drawing.most_processes
    if not most:
        return 1 << 62
    return most * 4 // 5 if summarised else most


def _looked_at(connection: Connection, drawing: Drawing, before: set[Side]) -> dict[Side, int]:
    """The current flows of each touched side that may be summarised."""
    found: dict[Side, int] = {}
    kinds: list[str] | None = None
    for side, end in _ENDS.items():
        values = {"side": side, "least": _least(drawing, summarised=bool(before))}
        near = connection.execute(text(_NEAR.format(end=end)), values).rowcount
        if not near:
            continue
        if kinds is None:
            told = connection.exec_driver_sql("SELECT DISTINCT kind FROM process")
            kinds = [kind for (kind,) in told if drawing.draws(kind)]
            bulk.insert(connection, "temp.kind_drawn", ("kind",), ((kind,) for kind in sorted(kinds)))
        rows = connection.execute(text(_DEGREES.format(end=end)), {"side": side})
        found |= {(dataset, side): flows for dataset, flows in rows}
    return found


_BEGIN = (
    *(f"DROP TABLE IF EXISTS temp.{name}" for name in ("touched", "near", "hub", "together", "kind_drawn")),
    "CREATE TEMP TABLE hub (dataset INTEGER, side TEXT, PRIMARY KEY (dataset, side))",
    "CREATE TEMP TABLE together (dataset INTEGER, side TEXT, flows INTEGER)",
    "CREATE TEMP TABLE touched (dataset INTEGER, side TEXT, PRIMARY KEY (dataset, side))",
    "CREATE TEMP TABLE near (dataset INTEGER, side TEXT, PRIMARY KEY (dataset, side))",
    "CREATE TEMP TABLE kind_drawn (kind TEXT PRIMARY KEY)",
)

# A flow that is not drawn, and was not, is no reason to look at what it touches.
_MATTERS = (
    "LEFT JOIN temp.undrawn u ON u.process = w.process AND u.target = w.target WHERE u.process IS NULL "
    "OR EXISTS (SELECT 1 FROM emission m WHERE m.process_id = w.process AND m.target_dataset = w.target "
    "AND m.sink = :sink AND m.kind = 'process')"
)

_TOUCHED = (
    f"INSERT INTO temp.touched SELECT DISTINCT w.target, 'written' FROM temp.wanted w {_MATTERS}",  # noqa: S608
    (
        "INSERT INTO temp.touched SELECT DISTINCT coalesce(a.to_id, e.source_dataset), 'read' FROM temp.wanted_raw w "  # noqa: S608
        "CROSS JOIN edge e ON e.process_id = w.raw_process AND e.target_dataset = w.raw_target "
        f"LEFT JOIN temp.dataset_alias a ON a.from_id = e.source_dataset {_MATTERS}"
    ),
)

_KNOWN_TOUCHED = (
    "SELECT t.dataset, t.side FROM summary s JOIN temp.touched t ON t.dataset = s.dataset_id AND t.side = s.side "
    "WHERE s.sink = :sink"
)

_RAW = (
    "(SELECT o.dataset, o.side, o.dataset AS raw FROM {table} o UNION ALL SELECT o.dataset, o.side, a.from_id "
    "FROM {table} o JOIN temp.dataset_alias a ON a.to_id = o.dataset) r"
)

_NEAR = (
    f"INSERT INTO temp.near SELECT r.dataset, r.side FROM {_RAW.format(table='temp.touched')} "  # noqa: S608 -- ours
    "CROSS JOIN edge e ON e.{end} = r.raw WHERE r.side = :side GROUP BY r.dataset, r.side HAVING count(*) > :least"
)

_DEGREES = (
    "SELECT o.dataset, count(*) FROM (SELECT DISTINCT r.dataset, p.id AS process, t.id AS target "  # noqa: S608
    f"FROM {_RAW.format(table='temp.near')} CROSS JOIN edge e ON e.{{end}} = r.raw {edges.FLOW_RESOLVED} "
    "CROSS JOIN process p ON p.id = coalesce(pa.to_id, e.process_id) JOIN temp.kind_drawn k ON k.kind = p.kind "
    "CROSS JOIN dataset t ON t.id = coalesce(ta.to_id, e.target_dataset) "
    f"WHERE r.side = :side AND {edges.kind_of('t')} <> 'consumer' AND {edges.IS_ACTIVE.format(edge='e.id')}) o "
    "GROUP BY o.dataset"
)

_WANT = (
    "INSERT OR IGNORE INTO temp.wanted SELECT DISTINCT coalesce(pa.to_id, e.process_id), "  # noqa: S608
    f"coalesce(ta.to_id, e.target_dataset) FROM {_RAW.format(table='temp.together')} "
    f"CROSS JOIN edge e ON e.{{end}} = r.raw {edges.FLOW_RESOLVED} WHERE r.side = :side"
)

_WANT_ITSELF = (
    "INSERT OR IGNORE INTO temp.wanted SELECT s.dataset, CAST(:place AS BIGINT) FROM temp.together s "
    "WHERE s.side = :side"
)
