"""Which flows are to be looked at, with the aliases that hold, as temporary tables.

Aliases are applied when reading, never before.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from miner.drawn import EVERYTHING, Drawing
from miner.ledger import aliases, bulk, drawn, summaries
from miner.ledger.edges import LABEL


def resolve(connection: Connection) -> None:
    """Lay down, for this connection, the aliases that hold."""
    for statement in _RESOLUTION:
        connection.exec_driver_sql(statement)


_RESOLUTION = (
    "DROP TABLE IF EXISTS temp.dataset_alias",
    "DROP TABLE IF EXISTS temp.process_alias",
    *(f"CREATE TEMP TABLE {kind}_alias AS {aliases.HOLDING.format(kind=kind)}" for kind in ("dataset", "process")),
    "CREATE UNIQUE INDEX temp.dataset_alias_from ON dataset_alias (from_id)",
    "CREATE UNIQUE INDEX temp.process_alias_from ON process_alias (from_id)",
    "CREATE INDEX temp.dataset_alias_to ON dataset_alias (to_id)",
    "CREATE INDEX temp.process_alias_to ON process_alias (to_id)",
)


def want(  # noqa: PLR0913 (one keyword for each way to choose)
    connection: Connection,
    *,
    everything: bool = False,
    only: Iterable[tuple[int, int]] | None = None,
    sides: Sequence[tuple[int, int]] = (),
    drawing: Drawing = EVERYTHING,
    sink: str = "",
) -> int:
    """Lay down the flows to look at, as they are named now and as they were; returns how many. Call `resolve` first.

    Those are the flows that may have changed; or `everything` the ledger has; or `only` these (process, target), as
    they are named now, with those that the summaries of some `sides` (dataset, place) stand for. With the former two
    come those that are drawn together with one of them in the `sink`. What is not to be drawn is laid down too, as left
    out.
    """
    for statement in _DROP_WANTED:
        connection.exec_driver_sql(statement)
    if only is not None:
        connection.exec_driver_sql(_MARKED_NONE)
        connection.exec_driver_sql(_WANTED)
        bulk.insert(connection, "temp.wanted", ("process", "target"), only)
    else:
        for statement in (_MARKED_ALL if everything else _MARKED, _WANTED, _WANT_MARKED):
            connection.exec_driver_sql(statement)
    _lay_down(connection, drawing)
    summaries.begin(connection)
    if only is not None:
        summaries.as_known(connection, sink)
        if sides and summaries.look_at(connection, sides):
            _lay_down(connection, drawing)
    elif summaries.gather(connection, sink, drawing):
        _lay_down(connection, drawing)
    return int(connection.exec_driver_sql("SELECT count(*) FROM temp.wanted").scalar_one())


def _lay_down(connection: Connection, drawing: Drawing) -> None:
    """Lay down by what names the wanted flows are kept, what they are called, and which are left out."""
    for statement in (*_DROP_RAW, *_WANTED_RAW, *_NAMED):
        connection.exec_driver_sql(statement)
    drawn.leave_out(connection, drawing)


_DROP_WANTED = ("DROP TABLE IF EXISTS temp.marked", "DROP TABLE IF EXISTS temp.wanted")
_DROP_RAW = ("DROP TABLE IF EXISTS temp.wanted_raw", "DROP TABLE IF EXISTS temp.named")
_MARKED = "CREATE TEMP TABLE marked AS SELECT process_id, target_dataset, version FROM dirty_flow"
_MARKED_NONE = "CREATE TEMP TABLE marked AS SELECT process_id, target_dataset, version FROM dirty_flow WHERE 1 = 0"
_MARKED_ALL = (
    "CREATE TEMP TABLE marked AS SELECT e.process_id, e.target_dataset, coalesce(d.version, 0) AS version "
    "FROM (SELECT process_id, target_dataset FROM edge UNION SELECT process_id, target_dataset FROM dirty_flow) e "
    "LEFT JOIN dirty_flow d ON d.process_id = e.process_id AND d.target_dataset = e.target_dataset"
)

_WANTED = "CREATE TEMP TABLE wanted (process INTEGER, target INTEGER, PRIMARY KEY (process, target)) WITHOUT ROWID"

# Under every name they may have been built with: evidence that was applied before may be ambiguous now.
_WANT_MARKED = (
    "INSERT INTO temp.wanted SELECT process_id, target_dataset FROM temp.marked "
    "UNION SELECT p.to_id, d.target_dataset FROM temp.marked d "
    "JOIN alias p ON p.kind = 'process' AND p.from_id = d.process_id "
    "UNION SELECT d.process_id, t.to_id FROM temp.marked d "
    "JOIN alias t ON t.kind = 'dataset' AND t.from_id = d.target_dataset "
    "UNION SELECT p.to_id, t.to_id FROM temp.marked d "
    "JOIN alias p ON p.kind = 'process' AND p.from_id = d.process_id "
    "JOIN alias t ON t.kind = 'dataset' AND t.from_id = d.target_dataset"
)

_WANTED_RAW = (
    (
        "CREATE TEMP TABLE wanted_raw AS "
        "SELECT p.raw AS raw_process, t.raw AS raw_target, w.process, w.target FROM temp.wanted w "
        "JOIN (SELECT process AS id, process AS raw FROM temp.wanted "
        "WHERE process NOT IN (SELECT from_id FROM temp.process_alias) "
        "UNION SELECT to_id, from_id FROM temp.process_alias) p ON p.id = w.process "
        "JOIN (SELECT target AS id, target AS raw FROM temp.wanted "
        "WHERE target NOT IN (SELECT from_id FROM temp.dataset_alias) "
        "UNION SELECT to_id, from_id FROM temp.dataset_alias) t ON t.id = w.target"
    ),
)

_NAMED = (
    (
        "CREATE TEMP TABLE named AS SELECT p.id, p.metastore_id, p.workspace_id, p.kind, p.process_id, p.notebook_id, "  # noqa: S608
        f"p.job_id, p.pipeline_id, {LABEL} AS label, "
        "CASE WHEN p.kind = 'job' THEN (SELECT CASE WHEN min(j.task_key) = max(j.task_key) THEN min(j.task_key) END "
        "FROM job_task j WHERE j.workspace_id = p.workspace_id AND j.job_id = p.process_id) END AS task_key, "
        "w.name AS workspace_name, w.url AS workspace_url FROM process p "
        "LEFT JOIN workspace w ON w.workspace_id = p.workspace_id AND w.source_id = (SELECT min(o.source_id) "
        "FROM workspace o WHERE o.workspace_id = p.workspace_id) WHERE p.id IN (SELECT process FROM temp.wanted)"
    ),
    "CREATE UNIQUE INDEX temp.named_id ON named (id)",
)
"""The wanted processes with what they are called."""
