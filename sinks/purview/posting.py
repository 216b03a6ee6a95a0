"""One batch posted: whole, or in halves until the entities at fault stand alone."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from miner.ports import Entity, Rejected
from sinks.purview.batches import bulk_body
from sinks.purview.refusals import BusyError, RefusedError
from sinks.purview.transport import AtlasSession

Batch = Sequence[Entity]
Parameters = Mapping[str, str]


def posted(session: AtlasSession, batch: Batch, parameters: Parameters) -> list[Rejected]:
    """Post a batch; returns what was refused for its content. Raises SinkError for every other trouble.

    A single entity that makes the server fail (500) through all attempts is refused as well, or it would stop every run
    for ever; a server that fails at both halves of a batch is out of order.
    """
    if not batch:
        return []
    try:
        _post(session, batch, parameters)
    except RefusedError as refusal:
        if not refusal.about_the_body:
            raise
        if len(batch) == 1:
            return [_rejected(batch[0], refusal)]
        return [one for half in _halves(batch) for one in posted(session, half, parameters)]
    except BusyError as trouble:
        if trouble.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        if len(batch) == 1:
            return [_rejected(batch[0], trouble)]
        return _without_the_failing(session, batch, parameters)
    return []


def _without_the_failing(session: AtlasSession, batch: Batch, parameters: Parameters) -> list[Rejected]:
    """Halve a batch at which the server fails, as long as the other half proves the server sound."""
    rejected: list[Rejected] = []
    failing: list[tuple[Batch, BusyError]] = []
    for half in _halves(batch):
        try:
            _post(session, half, parameters)
        except RefusedError:
            rejected += posted(session, half, parameters)
        except BusyError as trouble:
            failing.append((half, trouble))
    for half, failure in failing:
        if len(failing) > 1 or failure.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            raise failure
        if len(half) == 1:
            rejected.append(_rejected(half[0], failure))
        else:
            rejected += _without_the_failing(session, half, parameters)
    return rejected


def _post(session: AtlasSession, batch: Batch, parameters: Parameters) -> None:
    session.post_bulk(bulk_body(batch), parameters, sum(entity.operations for entity in batch))


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]


def _rejected(entity: Entity, refusal: RefusedError | BusyError) -> Rejected:
    return Rejected(entity.qualified_name, f"{refusal.code or refusal.status}: {refusal.words}")
