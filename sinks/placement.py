"""Files that are there whole or not at all: written beside their place and renamed into it."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from miner.checks import Found, failed, passed
from miner.errors import SinkError

STANDARD_OUTPUT = "-"

_MENDS = {
    errno.ENOSPC: "free some space on the disk, then run again",
    errno.EDQUOT: "free some of the quota, then run again",
    errno.EACCES: "give the miner's user the right to write there, or name another place",
    errno.EPERM: "give the miner's user the right to write there, or name another place",
    errno.EROFS: "the disk is mounted for reading only: name another place",
    errno.EISDIR: "the name is a folder's: name a file",
    errno.ENOTDIR: "a part of the path is a file: name another place",
    errno.EEXIST: "the name is a file's: name a folder",
}


@contextmanager
def placed(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content stands at `path` once the block has ended well; folders are made.

    Raises SinkError, and leaves what stood there before, when the disk refuses.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise refused(error, str(path)) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def opened(destination: str) -> Iterator[BinaryIO]:
    """A stream to a file, as `placed`, or to standard output (`-`). Raises SinkError when the place refuses."""
    if destination != STANDARD_OUTPUT:
        with placed(Path(destination)) as stream:
            yield stream
        return
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        raise refused(error, "standard output") from error


def refused(error: OSError, place: str) -> SinkError:
    """The error a person can act on."""
    mend = _MENDS.get(error.errno or 0, "look at the place named, then run again")
    return SinkError(f"{place} could not be written: {error.strerror or error}", mend=mend)


def look(folder: Path) -> Found:
    """Whether files can be written into a folder, which may not be there yet. Nothing is made."""
    place = folder.absolute()
    nearest = next(above for above in (place, *place.parents) if above.exists())
    if not nearest.is_dir():
        return failed(f"{nearest} is a file", _MENDS[errno.EEXIST])
    if not os.access(nearest, os.W_OK | os.X_OK):
        return failed(f"{nearest} may not be written", _MENDS[errno.EACCES])
    return passed(f"{folder} may be written" if nearest == place else f"{folder} will be made")
