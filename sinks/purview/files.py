"""The `files` sink: exactly the bodies that would be posted, as files to look at, keep or post by other means."""

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa

from miner.ports import AssetIndex, Delivery, Entity, Match, Rejected
from sinks.placement import placed, refused
from sinks.purview import payload
from sinks.purview.batches import bulk_body
from sinks.purview.building import Building
from sinks.purview.options import DEFAULT, NATIVE, PurviewOptions
from sinks.purview.ownership import refuse_foreign
from sinks.purview.sending import one_by_one
from sinks.purview.typedefs import typedefs

_STEMS = {payload.USAGE: "usage", payload.COLUMN_USAGE: "column-usage"}
_STEM = "bulk"


class FilesSink(Building):
    """Writes request bodies into one folder. Numbers go on after the files that are there. Rejects nothing.

    `typedefs.json`: definitions; `bulk-000001.json`: processes, behind what they are part of; `usage-000001.json`:
    figures, to be posted with businessAttributeUpdateBehavior=merge; `delete-000001.json`: types and qualified names of
    what is to be removed; `mark-000001.json`: the same where entities are only marked. There is no catalog to ask for
    its types: `process_types` as `auto` is `own` here.
    """

    name = "files"
    naming = ""

    def __init__(self, directory: Path, options: PurviewOptions = DEFAULT) -> None:
        super().__init__(replace(options, native=options.process_types == NATIVE))
        self._directory = directory
        self.fingerprint = self._options.fingerprint
        self._numbers: dict[str, int] = {}

    @property
    def _options(self) -> PurviewOptions:
        return self._given

    def matches(
        self,
        datasets: Iterable[pa.RecordBatch],  # noqa: ARG002 (the port's)
        index: AssetIndex,  # noqa: ARG002 (the port's)
    ) -> Iterator[Sequence[Match]]:
        """There is no catalog to look datasets up in: none is looked up, and none found."""
        return iter(())

    def differing(self, entities: Sequence[Entity]) -> Sequence[Entity]:  # noqa: ARG002 (the port's)
        """There is no catalog to read back from: nothing is found to differ."""
        return ()

    def prepare(self) -> None:
        """Write the type definitions."""
        self._write("typedefs.json", json.dumps(typedefs(self._options), indent=2).encode())

    def deliver(self, batches: Iterable[Sequence[Entity]]) -> Generator[Delivery]:
        """Write the batches one by one."""
        return one_by_one(batches, self.send)

    def send(self, batch: Sequence[Entity]) -> Sequence[Rejected]:
        """Write the batch as the next file of its kind."""
        for kind, entities in groupby(batch, key=attrgetter("kind")):
            self._write(self._next(_STEMS.get(kind, _STEM)), bulk_body(list(entities)))
        return []

    def remove(self, entities: Sequence[tuple[str, str]]) -> None:
        """Write the removals, or what is to be marked, as a list of type and qualified name.

        Raises SinkError for entities not our own.
        """
        refuse_foreign(entities)
        listed = [{"typeName": type_name, "qualifiedName": name} for type_name, name in entities]
        if listed:
            self._write(self._next(self._options.removed), payload.written(listed))

    def _write(self, name: str, body: bytes) -> None:
        with placed(self._directory / name) as stream:
            stream.write(body)

    def _next(self, stem: str) -> str:
        if stem not in self._numbers:
            self._numbers[stem] = self._last(stem)
        self._numbers[stem] += 1
        return f"{stem}-{self._numbers[stem]:06}.json"

    def _last(self, stem: str) -> int:
        try:
            names = [path.stem.removeprefix(f"{stem}-") for path in self._directory.glob(f"{stem}-*.json")]
        except OSError as error:
            raise refused(error, str(self._directory)) from error
        return max((int(number) for number in names if number.isdecimal()), default=0)
