"""A sample estate in a ledger, and what is to become of it in a catalog."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from miner.changes import Changes, Verified
from miner.drawn import EVERYTHING, Drawing
from miner.emission import Emitter
from miner.ledger import Ledger, edges, wanted
from miner.ledger.retirement import Limits
from miner.popularity import PopularityOptions, popularity
from miner.ports import Entity
from queries.sample import write_estate
from schedules import jobs, settings
from schedules.parts import Parts
from sinks.purview.client import PurviewSink
from sinks.purview.options import PurviewOptions
from sinks.purview.patience import Patience
from tests.atlas.server import PASSWORD, USER

NOW = datetime(2026, 11, 12, 6, tzinfo=UTC)
LIMITS = Limits()
SENDING = PurviewOptions(max_entities=5, operations_per_second=1e6)
FIGURES = PopularityOptions(windows=(30,))
SETTINGS = """
[ledger]
url = "sqlite:///ledger.db"
[mining]
start = 2026-11-01
{more}
[sources.prod]
kind = "files"
path = "export"
threads = 1
"""

Key = tuple[str, str]


def write(folder: Path, tables: int, events: int) -> None:
    """A sample estate of four days, exported."""
    last = date(2026, 11, 10)
    write_estate(folder / "export", tables=tables, days=4, events_per_day=events, seed=5, last_day=last)


@dataclass
class Estate:
    """A folder with an export and the ledger mined from it; emission goes to the catalog at `endpoint`."""

    folder: Path
    endpoint: str
    options: PurviewOptions = SENDING
    popularity: PopularityOptions = FIGURES
    limits: Limits = LIMITS

    def copy(self, folder: Path) -> "Estate":
        """The same, to go its own way."""
        shutil.copytree(self.folder, folder)
        return Estate(folder, self.endpoint, self.options, self.popularity, self.limits)

    def mine(self, more: str = "", days: int = 0) -> None:
        """Mine what is due under these settings, so many days later."""
        file = self.folder / "uc-miner.toml"
        file.write_text(SETTINGS.format(more=more))
        jobs.run(Parts(settings.load(file, {}), lambda: NOW + timedelta(days=days)), emit=False)

    def ledger(self) -> Ledger:
        """The ledger, opened."""
        return Ledger(f"sqlite:///{self.folder / 'ledger.db'}")

    def sink(self) -> PurviewSink:
        """The real sink."""
        return PurviewSink(self.endpoint, (USER, PASSWORD), self.options, patience=Patience(first_wait=0.1))

    def emit(
        self, sink: PurviewSink | None = None, days: int = 0, drawing: Drawing = EVERYTHING, *, columns: bool = False
    ) -> Changes:
        """Send what changed, so many days later; with usage of columns where it is asked for."""
        ledger, used = self.ledger(), sink or self.sink()
        now = NOW + timedelta(days=days)
        try:
            return Emitter(
                ledger, used, self.limits, self.popularity, lambda: now, drawing=drawing, columns=columns
            ).emit()
        finally:
            used.close()
            ledger.close()

    def verify(self, most: int = 10_000, drawing: Drawing = EVERYTHING) -> Verified:
        """Read so much back, and mend it."""
        ledger, sink = self.ledger(), self.sink()
        try:
            return Emitter(ledger, sink, self.limits, self.popularity, lambda: NOW, drawing=drawing).verify(most)
        finally:
            sink.close()
            ledger.close()

    def plan(self) -> Changes:
        """What `emit` would do; the ledger then knows which assets are there."""
        ledger, sink = self.ledger(), self.sink()
        try:
            return Emitter(ledger, sink, self.limits, self.popularity, lambda: NOW).plan()
        finally:
            sink.close()
            ledger.close()

    def forget_what_was_sent(self) -> None:
        """Let the ledger believe that nothing was sent."""
        ledger = self.ledger()
        with ledger.writing() as connection:
            connection.exec_driver_sql("DELETE FROM emission")
            connection.exec_driver_sql("DELETE FROM setting")
        ledger.close()

    def emissions(self) -> set[tuple]:
        """What the ledger believes to have sent."""
        ledger = self.ledger()
        with ledger.reading() as connection:
            rows = set(connection.exec_driver_sql("SELECT kind, qualified_name, digest, state FROM emission").all())
        ledger.close()
        return {tuple(row) for row in rows}

    def edges(self) -> list[dict]:
        """The current edges, as the report tells them; those of processes that wait are left out."""
        ledger = self.ledger()
        with ledger.reading() as connection:
            wanted.resolve(connection)
            wanted.want(connection, everything=True)
            rows = connection.exec_driver_sql(
                "SELECT workspace_id, kind, process_id FROM process WHERE id IN (SELECT process FROM temp.undrawn)"
            )
            left_out = {tuple(row) for row in rows}
            told = edges.edge_report(connection).to_pylist()
        ledger.close()
        return [
            edge for edge in told if (edge["workspace_id"], edge["process_kind"], edge["process_id"]) not in left_out
        ]

    def entities(self) -> tuple[list[Entity], list[Entity]]:
        """Process entities and usage entities as they are to be sent."""
        ledger, sink = self.ledger(), self.sink()
        with ledger.reading() as connection:
            wanted.resolve(connection)
            wanted.want(connection, everything=True)
            every = sink.processes(edges.flows(connection), lambda _: None)
            processes = [entity for entity in every if entity.kind == "process"]
        usage = list(sink.usage(popularity(ledger, self.popularity), lambda _: None))
        sink.close()
        ledger.close()
        return processes, usage


def assets(processes: Sequence[Entity], usage: Sequence[Entity]) -> set[Key]:
    """Every asset that entities refer to."""
    referred = {
        (one["typeName"], one["uniqueAttributes"]["qualifiedName"])
        for entity in processes
        for end in ("inputs", "outputs")
        for one in json.loads(entity.body)["attributes"][end]
        if not one["uniqueAttributes"]["qualifiedName"].startswith("uc-miner://")
    }
    return referred | {(entity.type_name, entity.qualified_name) for entity in usage}


def as_read(entity: Entity) -> dict:
    """A process entity in the form in which the catalog gives it back."""
    body = json.loads(entity.body)
    attributes = {name: value for name, value in body["attributes"].items() if value not in (None, [])}
    for end in ("inputs", "outputs"):
        ends = body["attributes"][end]
        attributes[end] = {(one["typeName"], one["uniqueAttributes"]["qualifiedName"]) for one in ends}
    return attributes | {"typeName": body["typeName"], "custom": body.get("customAttributes", {})}
