"""Identities that are one: what a one-time run's job id stands for."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, text

from miner import days
from miner.ledger import dirty, keys

UPSERT = (
    "INSERT INTO alias (source_id, kind, from_id, to_id, evidence, first_day, last_day) {rows} "
    "ON CONFLICT (source_id, kind, from_id, to_id, evidence) DO UPDATE SET "
    "first_day = CASE WHEN excluded.first_day < alias.first_day THEN excluded.first_day ELSE alias.first_day END, "
    "last_day = CASE WHEN excluded.last_day > alias.last_day THEN excluded.last_day ELSE alias.last_day END"
)
"""`rows` gives the seven columns, each alias once."""

STORAGE = ("storage_location", "below_storage_location")
"""Evidence for a path that is a table's storage location, and for one below it, which is the weaker."""

HOLDING = (
    "SELECT from_id, coalesce(min(strong), min(weak)) AS to_id FROM ("  # noqa: S608 -- our own words
    f"SELECT from_id, CASE WHEN evidence <> '{STORAGE[1]}' THEN to_id END AS strong, "
    f"CASE WHEN evidence = '{STORAGE[1]}' THEN to_id END AS weak FROM alias WHERE kind = '{{kind}}') told "
    "GROUP BY from_id HAVING coalesce(min(strong), min(weak)) = coalesce(max(strong), max(weak)) "
    "AND coalesce(min(strong), min(weak)) <> from_id"
)
"""The aliases of a kind that hold. Two candidates for one identity are evidence against each other: neither does."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A process and what stands for it, valid from the first to the last day it moved data."""

    process: int
    metastore: str
    workspace: str
    kind: str
    name: str
    first: int
    last: int

    @property
    def key(self) -> str:
        return keys.SEPARATOR.join((self.metastore, self.workspace, self.kind, self.name))


def add_one_time_runs(connection: Connection, source_id: int, month: int) -> None:
    """Say of each staged one-time job id what it stands for: its run's name, its notebook, or submitted runs.

    The alias is valid for the days on which the job moved data, so that it is the same whichever days are mined
    together.
    """
    standings = [_standing(row, month) for row in connection.execute(text(_FOUND))]
    if not standings:
        return
    halves = keys.halves_of_texts([one.key for one in standings])
    connection.execute(
        text(
            "CREATE TABLE stage.standing (process_id INTEGER, to_id INTEGER, check_bits INTEGER, metastore_id TEXT, "
            "workspace_id TEXT, kind TEXT, name TEXT, first_day INTEGER, last_day INTEGER)"
        )
    )
    connection.execute(text(_STAGE), [_values(one, half) for one, half in zip(standings, halves.tolist(), strict=True)])
    for statement in _ADD:
        connection.execute(text(statement), {"source": source_id} if ":source" in statement else {})


def _standing(row: Row[tuple[object, ...]], month: int) -> _Standing:
    kind, name = _what(row.name, row.notebook_id)
    first = days.number(days.days_of(month, row.first_bits)[0])
    last = days.number(days.days_of(month, row.last_bits)[-1])
    return _Standing(row.id, row.metastore_id, row.workspace_id, kind, name, first, last)


def _what(name: str | None, notebook: str | None) -> tuple[str, str]:
    if name:
        return "submitted_run", name
    return ("notebook", notebook) if notebook else ("submitted_runs", "")


def _values(one: _Standing, halves: Sequence[int]) -> dict[str, object]:
    return {
        "process": one.process, "to": halves[0], "bits": halves[1], "metastore": one.metastore,
        "workspace": one.workspace, "kind": one.kind, "name": one.name, "first": one.first, "last": one.last,
    }  # fmt: skip


_FOUND = (
    "SELECT p.id, p.metastore_id, p.workspace_id, p.notebook_id, r.name, "
    "min(d.day_bits & -d.day_bits) AS first_bits, max(d.day_bits) AS last_bits FROM stage.one_time_run r "
    "JOIN process p ON p.workspace_id = r.workspace_id AND p.process_id = r.job_id AND p.kind = 'job' "
    "JOIN edge e ON e.process_id = p.id JOIN stage.day_edge d ON d.id = e.id GROUP BY p.id, r.name"
)

_STAGE = "INSERT INTO stage.standing VALUES (:process, :to, :bits, :metastore, :workspace, :kind, :name, :first, :last)"

_ADD = (
    (
        "INSERT INTO process (id, check_bits, metastore_id, workspace_id, kind, process_id, notebook_id) "
        "SELECT DISTINCT to_id, check_bits, metastore_id, workspace_id, kind, name, "
        "CASE kind WHEN 'notebook' THEN name END FROM stage.standing WHERE true ON CONFLICT (id) DO NOTHING"
    ),
    dirty.MARK.format(
        rows="SELECT DISTINCT e.process_id, e.target_dataset, 1 FROM stage.standing s "
        "JOIN edge e ON e.process_id = s.process_id WHERE NOT EXISTS (SELECT 1 FROM alias a "
        "WHERE a.source_id = :source AND a.kind = 'process' AND a.from_id = s.process_id AND a.to_id = s.to_id)"
    ),
    UPSERT.format(
        rows="SELECT :source, 'process', process_id, to_id, 'one_time_run', min(first_day), max(last_day) "
        "FROM stage.standing WHERE true GROUP BY process_id, to_id"
    ),
)
