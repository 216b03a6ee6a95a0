"""Which table a path belongs to: the one whose storage location is the nearest at or above it."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from miner.ledger import aliases, keys
from miner.ledger.staging import Staging

AT, BELOW = aliases.STORAGE
_PATHS_AT_ONCE = 20_000

_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:(?://[^/]*)?)?/?")


class Locations:
    """Storage locations beside the paths that the ledger knows; `find_nearest` leaves the pairs in `stage.storage`."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._paths_known = False
        for statement in _STAGED:
            staging.execute(statement)

    def above_paths(self, folders: keys.Halves) -> npt.NDArray[np.bool_]:
        """Which of the folders are, or hold, a path that the ledger knows."""
        if not self._paths_known:
            self._paths_known = True
            self._add_paths()
        table = pa.table({"at": np.arange(len(folders)), "id": folders[:, 0], "check_bits": folders[:, 1]})
        self._staging.ingest("asked", table, replace=True)
        above = np.zeros(len(folders), np.bool_)
        above[[at for (at,) in self._staging.rows(_ABOVE)]] = True
        return above

    def add(self, folders: keys.Halves, tables: keys.Halves) -> None:
        """Take in locations with their tables, of which both are known by their keys."""
        self._staging.ingest("locations", pa.table({"folder_id": folders[:, 0], "to_id": tables[:, 0]}))

    def find_nearest(self) -> None:
        """Say of each path whose it is."""
        self._staging.execute(_NEAREST)

    def _add_paths(self) -> None:
        known = self._staging.rows(_PATHS)
        for start in range(0, len(known), _PATHS_AT_ONCE):
            told = [
                (path_id, metastore, folder)
                for path_id, metastore, path in known[start : start + _PATHS_AT_ONCE]
                for folder in folders_of(path)
            ]
            ids, metastores, folders = (pa.array(column) for column in zip(*told, strict=True))
            nothing = pa.nulls(len(folders), pa.string())
            halves = keys.halves_of_parts([metastores, nothing, nothing, nothing, folders])
            above = {"folder_id": halves[:, 0], "check_bits": halves[:, 1], "path_id": ids}
            self._staging.ingest("above", pa.table({**above, "length": pc.utf8_length(folders)}))


def folders_of(path: str) -> list[str]:
    """A path and the folders above it, without the root of its container: that is no table's alone."""
    host = _HOST.match(path)
    begin = host.end() if host else 0
    return [*(path[: slash.start()] for slash in re.compile("/").finditer(path, begin)), path]


_STAGED = (
    (
        "CREATE TABLE stage.above (folder_id INTEGER, check_bits INTEGER, path_id INTEGER, length INTEGER, "
        "PRIMARY KEY (folder_id, path_id))"
    ),
    "CREATE TABLE stage.locations (folder_id INTEGER, to_id INTEGER)",
    "CREATE TABLE stage.storage (from_id INTEGER, to_id INTEGER, evidence TEXT)",
)

_PATHS = "SELECT id, metastore_id, path FROM main.dataset WHERE name IS NULL AND path IS NOT NULL"

_ABOVE = (
    "SELECT a.at FROM stage.asked a WHERE EXISTS "
    "(SELECT 1 FROM stage.above f WHERE f.folder_id = a.id AND f.check_bits = a.check_bits)"
)

# Two tables at one location are both told, and neither applies.
_NEAREST = (
    "INSERT INTO stage.storage (from_id, to_id, evidence) SELECT f.path_id, l.to_id, "  # noqa: S608 -- ours
    f"CASE WHEN f.folder_id = f.path_id THEN '{AT}' ELSE '{BELOW}' END FROM stage.locations l "
    "JOIN stage.above f ON f.folder_id = l.folder_id JOIN (SELECT a.path_id, max(a.length) AS length "
    "FROM stage.locations k JOIN stage.above a ON a.folder_id = k.folder_id GROUP BY a.path_id) n "
    "ON n.path_id = f.path_id AND n.length = f.length GROUP BY f.path_id, f.folder_id, l.to_id"
)
