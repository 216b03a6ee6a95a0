"""The `purview` sink: the same bodies as the `files` sink, posted to the catalog."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from operator import attrgetter

import pyarrow as pa

from miner.checks import Check
from miner.ports import AssetIndex, Delivery, Entity, Match, Rejected
from sinks.purview import native, payload
from sinks.purview.authentication import Authentication, authenticated
from sinks.purview.building import Building
from sinks.purview.catalog import Catalog, Key, PresentAsset
from sinks.purview.clouds import PUBLIC
from sinks.purview.figures import FigureSender
from sinks.purview.hierarchy import MAKER
from sinks.purview.marks import retired
from sinks.purview.matching import match_of, matches
from sinks.purview.naming import Candidate, Naming
from sinks.purview.options import CREATE, DEFAULT, DELETE, PurviewOptions
from sinks.purview.ownership import is_further, refuse_foreign
from sinks.purview.pace import Pace
from sinks.purview.patience import DEFAULT_PATIENCE, Patience
from sinks.purview.posting import posted
from sinks.purview.preflight import PurviewChecks
from sinks.purview.sending import several_at_once
from sinks.purview.transport import AtlasSession, api_address
from sinks.purview.verification import differing


class PurviewSink(Building):
    """Posts to one Purview account, or to a plain Apache Atlas.

    `endpoint` is `https://<account>.purview.azure.com`, or the whole address of an Atlas v2 API; `authentication` an
    azure-identity credential, or a user and password for a plain Atlas; `cloud` tells whose tokens an address takes
    that is not one of Microsoft's. `pace` is given by tests; else it follows from the options.
    """

    name = "purview"

    def __init__(  # noqa: PLR0913 (where, as who, and what tests and settings change of the rest)
        self,
        endpoint: str,
        authentication: Authentication,
        options: PurviewOptions = DEFAULT,
        *,
        cloud: str = PUBLIC,
        patience: Patience = DEFAULT_PATIENCE,
        pace: Pace | None = None,
    ) -> None:
        self.naming = options.names_fingerprint
        super().__init__(options)
        self._pace = pace or Pace(options.operations_per_second)
        address = api_address(endpoint)
        signed = authenticated(authentication, address, cloud)
        self._session = AtlasSession(address, signed, patience, self._pace, options.workers)
        self._catalog = Catalog(self._session)
        self._figures = FigureSender(self._session, self._catalog, options)

    @property
    def _ways(self) -> Mapping[str, Callable[[Sequence[Entity]], list[Rejected]]]:
        """How entities of some kinds are sent that are not like processes."""
        figures = dict.fromkeys((payload.USAGE, payload.COLUMN_USAGE), self._figures.send)
        return {**figures, payload.PARENT: self._send_shared, payload.ASSET: self._send_shared}

    @property
    def fingerprint(self) -> str:
        """That of the options; the first look at it asks the catalog for its types. Raises SinkError."""
        return self._options.fingerprint

    @cached_property
    def _options(self) -> PurviewOptions:
        """The options, with what the catalog's types make of `process_types`."""
        native_types = self._catalog.native_types(self._given.process_types)
        shape = self._catalog.creation() if self._given.missing == CREATE else None
        return replace(self._given, native=native_types, creation=shape)

    def matches(self, datasets: Iterable[pa.RecordBatch], index: AssetIndex) -> Iterator[Sequence[Match]]:
        """As `sinks.purview.matching.matches`."""
        return matches(datasets, index, self._catalog, self._given)

    def match(self, naming: Naming, index: AssetIndex | None = None) -> Candidate | str:
        """As `sinks.purview.matching.match_of`; without an index its assets count for nothing."""
        return match_of(naming, index, self._catalog)

    def differing(self, entities: Sequence[Entity]) -> Sequence[Entity]:
        """As `sinks.purview.verification.differing`, and as `FigureSender.differing` for figures."""
        usage = [one for one in entities if one.figures]
        others = [one for one in entities if not one.figures]
        with ThreadPoolExecutor(self._given.workers, thread_name_prefix="purview") as pool:
            return [*differing(others, self._catalog, pool), *self._figures.differing(usage, pool)]

    def prepare(self) -> None:
        """Create or widen the type definitions. Raises SinkError."""
        self._catalog.define(self._options)

    def deliver(self, batches: Iterable[Sequence[Entity]]) -> Generator[Delivery]:
        """As `sinks.purview.sending.several_at_once`, by as many workers as the options say."""
        return several_at_once(batches, self.send, self._given.workers, self._pace.stop)

    def send(self, batch: Sequence[Entity]) -> Sequence[Rejected]:
        """Post the batch, in parts when the catalog refuses the whole; several threads may do so at once.

        Raises SinkError when the catalog cannot be reached.
        """
        rejected: list[Rejected] = []
        for kind, entities in groupby(batch, key=attrgetter("kind")):
            rejected += self._ways.get(kind, self._send_own)(list(entities))
        return rejected

    def remove(self, entities: Sequence[tuple[str, str]]) -> None:
        """Delete entities of our own, or mark them; one that is gone already is no error.

        Placeholders are always deleted: an asset has come in their place, or nothing refers to them; and so is what
        carried columns of another process. Raises SinkError, before anything is deleted, when one of them is not ours.
        """
        refuse_foreign(entities)
        deleted = self._given.removed == DELETE
        gone = [key for key in entities if deleted or self._never_kept(*key)]
        kept = [key for key in entities if not (deleted or self._never_kept(*key))]
        with ThreadPoolExecutor(self._given.workers) as pool:
            for _ in pool.map(lambda key: self._catalog.delete(*key), gone):
                pass
            there = self._catalog.assets(kept, pool)
            for _ in pool.map(self._mark, there.items()):
                pass

    def _never_kept(self, type_name: str, qualified_name: str) -> bool:
        given = self._given
        processes = {given.process_type, native.PROCESS}
        return type_name == given.placeholder_type or (type_name in processes and is_further(qualified_name))

    def _mark(self, one: tuple[Key, PresentAsset]) -> None:
        (type_name, name), present = one
        ends = type_name not in {self._given.runnable_type, self._given.consumer_type}
        self._catalog.update(type_name, name, retired(present.name, ends=ends))

    def checks(self, most_read: Callable[[], pa.Table], needs: tuple[str, ...] = ()) -> Iterator[Check]:
        """As `sinks.purview.preflight.PurviewChecks`."""
        return PurviewChecks(self._session, self._given, most_read, needs).all()

    def close(self) -> None:
        """Close the connections to the catalog, and wake whoever waits for it."""
        self._pace.stop()
        self._session.close()

    def _send_shared(self, entities: Sequence[Entity]) -> list[Rejected]:
        """Post those entities of native types that are not there, or that are our own: others' stay as they are."""
        there = self._catalog.assets([(entity.type_name, entity.qualified_name) for entity in entities])
        known = {key for key, present in there.items() if MAKER not in present.labels.items()}
        return self._send_own([one for one in entities if (one.type_name, one.qualified_name) not in known])

    def _send_own(self, entities: Sequence[Entity]) -> list[Rejected]:
        """Post entities of our own, new ones into the collection.

        The parameter also moves entities that are there (seen in Microsoft's description of the call), and somebody may
        have moved them elsewhere.
        """
        collection = self._given.collection
        if not collection:
            return posted(self._session, entities, {})
        there = self._catalog.assets([(entity.type_name, entity.qualified_name) for entity in entities])
        new = [entity for entity in entities if (entity.type_name, entity.qualified_name) not in there]
        known = [entity for entity in entities if (entity.type_name, entity.qualified_name) in there]
        return posted(self._session, new, {"collectionId": collection}) + posted(self._session, known, {})
