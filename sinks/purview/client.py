"""The `purview` sink: the same bodies as the `files` sink, posted to the catalog."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

import pandas as pd
import pyarrow as pa

from miner.checks import Check
from miner.ports import Entity, Rejected, Unmatched
from sinks.purview import payload
from sinks.purview.authentication import Authentication
from sinks.purview.batches import batched, bulk_body
from sinks.purview.catalog import Catalog
from sinks.purview.entities import process_entities
from sinks.purview.options import DEFAULT, PurviewOptions
from sinks.purview.ownership import refuse_foreign
from sinks.purview.patience import DEFAULT_PATIENCE, Patience
from sinks.purview.preflight import PurviewChecks
from sinks.purview.refusals import RefusedError
from sinks.purview.transport import AtlasSession
from sinks.purview.typedefs import usage_figures
from sinks.purview.usage import figures_of, named, usage_entities

_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    payload.PROCESS: {},
    payload.USAGE: {"businessAttributeUpdateBehavior": "merge"},
}


class PurviewSink:
    """Posts to one Purview account, or to a plain Apache Atlas.

    `endpoint` is `https://<account>.purview.azure.com`, or the whole address of an Atlas v2 API; `authentication` an
    azure-identity credential, or a user and password for a plain Atlas.
    """

    name = "purview"

    def __init__(
        self,
        endpoint: str,
        authentication: Authentication,
        options: PurviewOptions = DEFAULT,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        self.fingerprint = options.fingerprint
        self._options = options
        self._session = AtlasSession(endpoint, authentication, patience)
        self._catalog = Catalog(self._session)

    def processes(self, flows: Iterable[pa.RecordBatch], unmatched: Callable[[Unmatched], None]) -> Iterator[Entity]:
        """As `sinks.purview.entities.process_entities`."""
        return process_entities(flows, unmatched, self._options)

    def usage(self, popularity: pd.DataFrame, unmatched: Callable[[Unmatched], None]) -> Iterator[Entity]:
        """As `sinks.purview.usage.usage_entities`."""
        return usage_entities(popularity, unmatched, self._options)

    def prepare(self) -> None:
        """Create or widen the type definitions. Raises SinkError."""
        self._catalog.define(self._options)

    def batches(self, entities: Iterable[Entity]) -> Iterator[Sequence[Entity]]:
        """As `sinks.purview.batches.batched`."""
        return batched(entities, self._options.max_entities, self._options.max_bytes)

    def send(self, batch: Sequence[Entity]) -> Sequence[Rejected]:
        """Post the batch, in parts when the catalog refuses the whole. Raises SinkError when it cannot be reached.

        Usage goes only to assets that are there: an upsert would make an asset of Microsoft's type otherwise.
        """
        rejected: list[Rejected] = []
        for kind, entities in groupby(batch, key=attrgetter("kind")):
            taken = list(entities)
            if kind == payload.USAGE:
                taken, absent = self._fitted(taken)
                rejected += absent
            rejected += self._post(taken, _PARAMETERS[kind])
        return rejected

    def remove(self, entities: Sequence[tuple[str, str]]) -> None:
        """Delete entities of our own; one that is gone already is no error.

        Raises SinkError, before anything is deleted, when one of them is not our own.
        """
        refuse_foreign(entities)
        for type_name, qualified_name in entities:
            self._catalog.delete(type_name, qualified_name)

    def checks(self, most_read: Callable[[], pa.Table], needs: tuple[str, ...] = ()) -> Iterator[Check]:
        """As `sinks.purview.preflight.PurviewChecks`."""
        return PurviewChecks(self._session, self._options, most_read, needs).all()

    def close(self) -> None:
        """Close the connections to the catalog."""
        self._session.close()

    def _fitted(self, usage: Sequence[Entity]) -> tuple[list[Entity], list[Rejected]]:
        """The usage of assets that are there, under their names, and the rest as rejected.

        Figures that are no longer known are deleted.
        """
        assets = self._catalog.assets([(entity.type_name, entity.qualified_name) for entity in usage])
        fitted: list[Entity] = []
        absent: list[Rejected] = []
        for entity in usage:
            asset = assets.get((entity.type_name, entity.qualified_name))
            if asset is None:
                absent.append(Rejected(entity.qualified_name, f"the catalog has no such {entity.type_name}"))
            else:
                unknown = usage_figures(self._options.windows).keys() - figures_of(entity)
                self._catalog.delete_figures(asset, self._options.usage_group, unknown)
                fitted.append(named(entity, asset.name))
        return fitted, absent

    def _post(self, batch: Sequence[Entity], parameters: Mapping[str, str]) -> list[Rejected]:
        """Post a batch; refused for its content, its halves, until the entities at fault stand alone."""
        if not batch:
            return []
        try:
            self._session.post_bulk(bulk_body(batch), parameters)
        except RefusedError as refusal:
            if not refusal.about_the_body:
                raise
            if len(batch) == 1:
                return [Rejected(batch[0].qualified_name, f"{refusal.code or refusal.status}: {refusal.words}")]
            middle = len(batch) // 2
            return self._post(batch[:middle], parameters) + self._post(batch[middle:], parameters)
        return []
