"""The folder of a demo: what it writes there, and how that is taken away again and nothing else."""

import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from miner.errors import SettingsError
from sinks.placement import placed, refused

SOURCE = "demo"

_LEDGER = "ledger.db"
_MARK = "# Made by `uc-miner demo`, and the mark by which --force knows that it may make everything here anew."
_SETTINGS = """\
{mark}
[ledger]
url = "sqlite:///{ledger}"

[mining]
start = {start}
cost_settle_days = 3

[sources.{source}]
kind = "files"
path = {path}
principal = {principal}

[purview]
sink = "files"
out = "purview"
"""


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Where things are. `data` None: the estate is made up, beside the rest."""

    out: Path
    data: Path | None = None

    @property
    def estate(self) -> Path:
        """The exported system tables."""
        return self.data.absolute() if self.data else self.out / "estate"

    @property
    def settings(self) -> Path:
        """Settings with which every other command sees the same ledger."""
        return self.out / "uc-miner.toml"

    @property
    def ledger(self) -> Path:
        """The ledger."""
        return self.out / _LEDGER

    @property
    def purview(self) -> Path:
        """Request bodies as they would be posted."""
        return self.out / "purview"

    @property
    def popularity(self) -> Path:
        """The popularity of all windows."""
        return self.out / "popularity.csv"

    @property
    def edges(self) -> Path:
        """The current edges."""
        return self.out / "edges.csv"

    def claim(self, *, force: bool) -> None:
        """Make sure that nothing stands where the demo writes; `force` takes an earlier demo away.

        Raises SettingsError when something else stands there, SinkError when it cannot be removed.
        """
        made_here = self.out / "estate"
        present = [path for path in (*self._files(), self.purview, made_here) if path.exists()]
        if not present:
            return
        if not self._is_marked():
            raise SettingsError(f"{present[0]} is there, and no demo wrote it", mend="name another folder with --out")
        if not force:
            mend = "add --force to make it anew, or name another folder with --out"
            raise SettingsError(f"{self.out} holds a demo already", mend=mend)
        if self.data and self.data.resolve().is_relative_to(made_here.resolve()):
            raise SettingsError(
                f"--force would take away {self.data} before it is mined", mend="name another folder with --out"
            )
        try:
            self._clear(made_here)
        except OSError as error:
            raise refused(error, str(self.out)) from error

    def write_settings(self, start: date, principal: str) -> None:
        """Write the settings, the demo's mark with them. Raises SinkError."""
        text = _SETTINGS.format(
            mark=_MARK,
            ledger=_LEDGER,
            start=start,
            source=SOURCE,
            path=json.dumps(str(self.data.absolute()) if self.data else "estate", ensure_ascii=False),
            principal=json.dumps(principal),
        )
        with placed(self.settings) as stream:
            stream.write(text.encode())

    def _files(self) -> list[Path]:
        ledger = [self.out / f"{_LEDGER}{suffix}" for suffix in ("", "-wal", "-shm")]
        return [self.popularity, self.edges, *ledger, self.settings]

    def _is_marked(self) -> bool:
        try:
            return self.settings.read_text(encoding="utf-8").startswith(_MARK)
        except (OSError, UnicodeDecodeError):
            return False

    def _clear(self, made_here: Path) -> None:
        """Remove file by file what a demo writes; the settings last, so that half a removal can be repeated."""
        for pattern in ("typedefs.json", "bulk-*.json", "usage-*.json", "delete-*.json"):
            _remove(self.purview.glob(pattern))
        _remove(made_here.glob("system/*/*/part-*.parquet"))
        _prune(made_here)
        _prune(self.purview)
        for scratch in self.out.glob(f".{_LEDGER}-*"):
            shutil.rmtree(scratch)
        _remove(self._files())


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    """Remove a folder and those in it as far as they are empty."""
    if not folder.is_dir():
        return
    for inner in folder.iterdir():
        _prune(inner)
    with suppress(OSError):
        folder.rmdir()
