"""Batches on their way to the catalog, several at once, none before what it refers to.

Batches are taken, and results handed back, in the caller's thread: the ledger's marks before and after each send are
made there. What is on its way is bounded, so memory is flat in the number of batches.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from miner.errors import SinkError
from miner.ports import Delivery, Entity, Rejected

Batch = Sequence[Entity]
Send = Callable[[Batch], Sequence[Rejected]]

_AHEAD = 2
"""Batches taken for each worker: one that is sent, one that is ready."""


def one_by_one(batches: Iterable[Batch], send: Send) -> Generator[Delivery]:
    """Every batch, sent before the next one is taken."""
    for batch in batches:
        yield Delivery(batch, send(batch))


def several_at_once(
    batches: Iterable[Batch], send: Send, workers: int, stop: Callable[[], None]
) -> Generator[Delivery]:
    """Every batch with what was refused of it, in the order of arrival.

    When one cannot be sent, those that are being sent are waited for and handed back before its SinkError is raised;
    no further one is begun. `stop` is called when the caller goes away in the middle, to wake waiting workers.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="purview")
    sending: dict[Future[Sequence[Rejected]], Batch] = {}
    try:
        for batch in batches:
            while len(sending) >= _AHEAD * workers or _needed(batch, sending.values()):
                yield from _arrived(sending)
            sending[pool.submit(send, batch)] = batch
        while sending:
            yield from _arrived(sending)
    except SinkError:
        pool.shutdown(cancel_futures=True)
        yield from _unharmed(sending)
        raise
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _needed(batch: Batch, sending: Iterable[Batch]) -> bool:
    """Whether the batch refers to an entity that is on its way."""
    wanted = {name for entity in batch for name in entity.needs}
    return bool(wanted) and any(entity.qualified_name in wanted for other in sending for entity in other)


def _arrived(sending: dict[Future[Sequence[Rejected]], Batch]) -> Iterator[Delivery]:
    """Wait for one at least; those that failed come last, and end it."""
    done = sorted(wait(sending, return_when=FIRST_COMPLETED).done, key=_failed)
    for future in done:
        rejected = future.result()
        yield Delivery(sending.pop(future), rejected)


def _unharmed(sending: dict[Future[Sequence[Rejected]], Batch]) -> Iterator[Delivery]:
    for future, batch in sending.items():
        if not _failed(future):
            yield Delivery(batch, future.result())


def _failed(future: Future[Sequence[Rejected]]) -> bool:
    return future.cancelled() or future.exception() is not None
