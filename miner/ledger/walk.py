"""How far lineage goes from a dataset, over the current edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import pyarrow as pa
from sqlalchemy import Connection, text

from miner import schemas
from miner.ledger import edges, wanted

DOWN = ("source_dataset", "target_dataset")
UP = ("target_dataset", "source_dataset")
"""The near and the far end of an edge."""

Ends = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """What is within some steps of a dataset: datasets (`WALKED`), and the edges between them (`WALKED_EDGES`).

    `more` tells that lineage goes on behind the last step, or that there were more datasets than were asked for.
    """

    datasets: pa.Table
    edges: pa.Table
    more: bool


def walk_from(connection: Connection, name: Sequence[str], *, ends: Ends, depth: int, most: int) -> Way:
    """A walk (`walk`) from the datasets of a name (`datasets_named`); empty when there is none."""
    wanted.resolve(connection)
    return walk(connection, datasets_named(connection, name), ends, depth, most)


def datasets_named(connection: Connection, parts: Sequence[str]) -> list[int]:
    """The datasets of a name (catalog, schema, table in any case) or of one path, in each metastore that has it.

    Call `miner.ledger.wanted.resolve` first.
    """
    if len(parts) == 1:
        chosen, values = "d.path = :path", {"path": parts[0]}
    else:
        chosen = "d.catalog = :catalog AND d.schema = :schema AND d.name = :name"
        values = {key: part.lower() for key, part in zip(("catalog", "schema", "name"), parts, strict=True)}
    found = connection.execute(text(_NAMED.format(chosen=chosen)), values)
    return [number for (number,) in found]


def walk(connection: Connection, start: Sequence[int], ends: Ends, depth: int, most: int) -> Way:
    """Everything within `depth` steps of some datasets, the way of `ends`; no step once `most` datasets are reached."""
    for statement in _BEGIN:
        connection.exec_driver_sql(statement)
    if start:
        connection.execute(text("INSERT INTO temp.reached VALUES (:number, 0)"), [{"number": one} for one in start])
    reached, more = len(start), False
    for step in count(1):
        connection.execute(text(_CROSS.format(near=ends[0], far=ends[1])), {"step": step})
        if step > depth or reached > most:
            more = connection.execute(text(_MORE), {"step": step}).scalar() is not None
            connection.execute(text(_BACK), {"step": step})
            break
        found = connection.execute(text(_REACH), {"step": step}).rowcount
        if not found:
            break
        reached += found
    datasets = schemas.table_of(connection.exec_driver_sql(_TOLD).all(), schemas.WALKED)
    return Way(datasets, edges.edges_among(connection, "temp.crossed"), more)


_NAMED = (
    "SELECT DISTINCT coalesce(a.to_id, d.id) FROM dataset d LEFT JOIN temp.dataset_alias a ON a.from_id = d.id "
    "WHERE {chosen} ORDER BY 1"
)

_BEGIN = (
    "DROP TABLE IF EXISTS temp.reached",
    "DROP TABLE IF EXISTS temp.crossed",
    "CREATE TEMP TABLE reached (dataset INTEGER PRIMARY KEY, step INTEGER)",
    "CREATE TEMP TABLE crossed (edge INTEGER, far INTEGER, step INTEGER)",
)

NAME = "CASE WHEN d.name IS NULL THEN d.path ELSE d.catalog || '.' || d.schema || '.' || d.name END"
"""What a dataset `d` is called in reports."""

UNDER_EVERY_NAME = (
    "SELECT dataset AS raw, dataset, step FROM temp.reached "
    "UNION SELECT a.from_id, a.to_id, t.step FROM temp.dataset_alias a JOIN temp.reached t ON t.dataset = a.to_id"
)
"""The datasets that were walked to, each under every identity it has."""

_CROSS = f"""
INSERT INTO temp.crossed
SELECT e.id, coalesce(a.to_id, e.{{far}}), CAST(:step AS INTEGER)
FROM ({UNDER_EVERY_NAME}) r
CROSS JOIN edge e ON e.{{near}} = r.raw
LEFT JOIN temp.dataset_alias a ON a.from_id = e.{{far}}
CROSS JOIN edge_month m ON m.edge_id = e.id
{edges.RETIRED}
WHERE r.step = :step - 1 AND {edges.ACTIVE} AND coalesce(a.to_id, e.{{far}}) <> r.dataset
GROUP BY 1, 2
HAVING {edges.STANDS}
"""  # noqa: S608 -- our own text throughout

_NEW = "FROM temp.crossed WHERE step = :step AND far NOT IN (SELECT dataset FROM temp.reached)"
_REACH = f"INSERT INTO temp.reached SELECT DISTINCT far, CAST(:step AS INTEGER) {_NEW}"
_MORE = f"SELECT far {_NEW} LIMIT 1"
_BACK = "DELETE FROM temp.crossed WHERE step = :step"

_TOLD = f"""
SELECT d.metastore_id, {NAME}, CASE WHEN d.name IS NULL THEN 'path' ELSE 'table' END, r.step
FROM temp.reached r JOIN dataset d ON d.id = r.dataset
ORDER BY 4, 2, 1
"""  # noqa: S608
