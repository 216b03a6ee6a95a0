"""Homes for commands that are killed: settings, a ledger in a file or a database, and the folder that entities go to."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests import ledgers

SETTINGS = """
[ledger]
url = "{url}"
[mining]
start = 2026-10-30
[mining.exclude]
tables = [{excluded}]
[sources.prod]
kind = "files"
path = "{export}"
threads = 1
[purview]
max_entities = 5
max_removals = 100
"""


@dataclass(frozen=True)
class Home:
    """A folder with settings, a ledger of its own and what was emitted."""

    folder: Path
    export: Path

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "uc-miner.toml"

    @property
    def url(self) -> str:
        """Where the ledger is, or will be."""
        running = ledgers.server()
        if running is None:
            return f"sqlite:///{self.folder / 'ledger.db'}"
        return running.url((self.folder / "database").read_text())

    def made(self, template: str = "template0") -> "Home":
        """The folder and, on a server, the database."""
        self.folder.mkdir(exist_ok=True)
        if running := ledgers.server():
            (self.folder / "database").write_text(running.create(template))
        return self.set()

    def set(self, *excluded: str) -> "Home":
        """Write the settings; these tables are left out."""
        names = ", ".join(f'"{name}"' for name in excluded)
        self.settings.write_text(SETTINGS.format(url=self.url, export=self.export, excluded=names))
        return self

    def copy(self, folder: Path, *excluded: str) -> "Home":
        """The same elsewhere, to go its own way."""
        shutil.copytree(self.folder, folder)
        copied = Home(folder, self.export)
        if ledgers.server():
            copied.made((self.folder / "database").read_text())
        return copied.set(*excluded)

    def throw_away(self) -> None:
        """Remove everything."""
        if running := ledgers.server():
            running.drop((self.folder / "database").read_text())
        shutil.rmtree(self.folder)

    def dump(self) -> list[str]:
        """What the ledger knows."""
        return (self.folder / "dump.jsonl").read_text().splitlines()

    def catalog(self) -> dict[str, dict]:
        """What a catalog holds that got every file in the order they were written."""
        held: dict[str, dict] = {}
        for file in sorted((self.folder / "purview").glob("[!.]*-*.json"), key=_written):
            told = json.loads(file.read_bytes())
            if file.name.startswith("delete"):
                for removed in told:
                    # Removed once more where the kill came before that was noted.
                    held.pop(f"{removed['typeName']} {removed['qualifiedName']}", None)
            else:
                held |= {_key(file, entity): entity | {"guid": ""} for entity in told["entities"]}
        return held


def _written(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name


def _key(file: Path, entity: dict) -> str:
    kind = "usage" if file.name.startswith("usage") else entity["typeName"]
    return f"{kind} {entity['attributes']['qualifiedName']}"
