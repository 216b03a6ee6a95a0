"""Kills the real command again and again: `python -m tests.crash.driver FOLDER EXPORT PHASE SEED KILLS`.

Prints one JSON object for each kill. Every command runs in a process of its own, forked from this one, which only spares
it the imports. The places where it is killed are drawn by chance among all that an undisturbed command passes.
"""

import json
import os
import random
import sys
import traceback
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd  # noqa: F401 -- what commands import when they need it, imported once
from alembic import command
from alembic.config import Config

import queries.embedded  # noqa: F401
import sinks.purview.files  # noqa: F401
from miner.ledger import migrating
from miner.ledger.database import database_of
from queries.statements import bound_columns
from queries.system_tables import LINEAGE_QUERIES, NAME_QUERIES
from schedules.cli import main as uc_miner
from schedules.session import Session
from tests.crash.homes import Home
from tests.crash.points import Points, install

EARLIER = datetime(2026, 11, 2, 6, tzinfo=UTC)
NOW = datetime(2026, 11, 4, 6, tzinfo=UTC)
EXCLUDED = ("orders", "customers")
"""Left out from NOW on: days are mined again, processes change and go."""

RUN = ("run",)
FILL = ("backfill", "--from", "2026-10-29", "--to", "2026-11-03", "--chunk-days", "2", "--yes", "--note", "crash")


@dataclass(frozen=True)
class Case:
    """A home that is there before, and the commands of which the first is killed, done again, and followed by the others."""

    home: str
    commands: tuple[tuple[str, ...], ...]
    excluded: tuple[str, ...] = ()


CASES = {
    "fetch": (Case("new", (RUN,)), Case("known", (RUN,), EXCLUDED)),
    "merge": (Case("new", (RUN,)), Case("known", (RUN,), EXCLUDED)),
    "emit": (Case("new", (RUN,)), Case("known", (RUN,), EXCLUDED)),
    "backfill": (Case("new", (FILL, RUN)), Case("known", ((*FILL, "--again"), RUN), EXCLUDED)),
    "migration": (Case("new", (RUN,)), Case("old", (RUN,), EXCLUDED)),
}


class Driver:
    """Homes below a folder, and what is done in them."""

    def __init__(self, folder: Path, export: Path) -> None:
        self.folder, self.export = folder, export
        self._homes: dict[str, Home] = {}

    def tell(self, phase: str, seed: str, kills: int) -> None:
        """Print a story for each kill: both cases of a phase in turn, each compared with its undisturbed one."""
        chance = random.Random(f"{seed} {phase}")  # noqa: S311 -- no secret
        calm: dict[Case, tuple[Home, int]] = {}
        for number in range(kills):
            case = CASES[phase][number % len(CASES[phase])]
            if case not in calm:
                calm[case] = self._undisturbed(case, phase)
            undisturbed, passes = calm[case]
            at = chance.randrange(passes)
            sys.stdout.write(json.dumps(self._killed(case, phase, at, undisturbed) | {"of": passes}) + "\n")
            sys.stdout.flush()

    def _undisturbed(self, case: Case, phase: str) -> tuple[Home, int]:
        home = self._begun(case).copy(self.folder / f"calm-{case.home}", *case.excluded)
        for number, arguments in enumerate(case.commands):
            _done(home, arguments, count=number == 0)
        _done(home, ("ledger", "dump", "--out", str(home.folder / "dump.jsonl")))
        return home, json.loads((home.folder / "passes").read_text())[phase]

    def _killed(self, case: Case, phase: str, at: int, undisturbed: Home) -> dict[str, object]:
        home = self._begun(case).copy(self.folder / "killed", *case.excluded)
        code = _forked(home, case.commands[0], phase, at)
        for arguments in (
            *case.commands,
            ("ledger", "check"),
            ("ledger", "dump", "--out", str(home.folder / "dump.jsonl")),
        ):
            _done(home, arguments)
        landed = home.folder / "landed"
        story = {
            "home": case.home, "phase": phase, "at": at, "code": code,
            "landed": landed.read_text() if landed.exists() else "",
            "dump": _difference(home.dump(), undisturbed.dump()),
            "entities": _difference(_lines(home), _lines(undisturbed)), "sent": len(undisturbed.catalog()),
            "known": len(undisturbed.dump()),
        }  # fmt: skip
        home.throw_away()
        return story

    def _begun(self, case: Case) -> Home:
        if case.home not in self._homes:
            home = Home(self.folder / case.home, self.export).made()
            if case.home != "new":
                _done(home, RUN, now=EARLIER)
            if case.home == "old":
                _age(home)
            self._homes[case.home] = home
        return self._homes[case.home]


def _age(home: Home) -> None:
    """Take a ledger back to the first version."""
    database = database_of(home.url)
    config = Config()
    config.set_main_option("script_location", str(migrating._SCRIPTS))
    with closing(database.engine.connect()) as connection:
        database.begin_migrating(connection)
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.commit()
    database.engine.dispose()


def _lines(home: Home) -> list[str]:
    return sorted(f"{key} {json.dumps(entity, sort_keys=True)}" for key, entity in home.catalog().items())


def _difference(told: Sequence[str], expected: Sequence[str]) -> list[str]:
    return [f"- {line}" for line in expected if line not in told] + [
        f"+ {line}" for line in told if line not in expected
    ]


def _done(home: Home, arguments: Sequence[str], *, now: datetime = NOW, count: bool = False) -> None:
    code = _forked(home, arguments, now=now, count=count)
    if code:
        raise AssertionError(f"{arguments}: {code}\n{(home.folder / 'told').read_text()[-3000:]}")


def _forked(
    home: Home, arguments: Sequence[str], phase: str = "", at: int = -1, *, now: datetime = NOW, count: bool = False
) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 99
    try:
        told = os.open(home.folder / "told", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(told, 1)
        os.dup2(told, 2)
        points = Points(home.folder / "landed", phase, at)
        if phase or count:
            install(points)
        code = uc_miner(["--config", str(home.settings), "--log-format", "json", *arguments], Session(now=lambda: now))
        if count:
            (home.folder / "passes").write_text(json.dumps(points.passes))
    except BaseException:  # noqa: BLE001 -- told to the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main(folder: str, export: str, phase: str, seed: str, kills: str) -> None:
    """Tell the stories of one phase."""
    for query in (*LINEAGE_QUERIES, *NAME_QUERIES):
        bound_columns(query)  # is kept: parsing takes half the time of a command on a small estate
    Driver(Path(folder), Path(export)).tell(phase, seed, int(kills))


if __name__ == "__main__":
    main(*sys.argv[1:])
