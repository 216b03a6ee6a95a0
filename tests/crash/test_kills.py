"""Kill the miner anywhere, with -9: the next run leaves what an undisturbed one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ledgers as places
from tests.crash.points import KILLED, PHASES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stories(request, tmp_path, export, ledgers):
    """Kill the command in a phase, so often that all phases together come to `--kills`."""

    def told(phase):
        kills, rest = divmod(request.config.getoption("--kills"), len(PHASES))
        times = str(kills + (PHASES.index(phase) < rest))
        seed = request.config.getoption("--crash-seed")
        driver = [sys.executable, "-m", "tests.crash.driver", tmp_path, export, phase, seed, times]
        environment = {
            "PYTHONPATH": str(ROOT),
            **{name: os.environ[name] for name in (places.SERVER,) if name in os.environ},
        }
        done = subprocess.run(driver, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-5000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    return told


@pytest.mark.parametrize("phase", PHASES)
def test_kills(stories, phase, ledgers, record_property):
    """Killed at any place of a phase, and run again, ledger and catalog are those of a run that nobody killed.

    Each kill landed in its phase; the ledger holds together after it.
    """
    told = stories(phase)
    assert told, "a kill in each phase at least: --kills 5"
    for one in told:
        where = f"{one['home']} home, place {one['at']} of {one['of']}"
        assert (one["landed"], one["code"]) == (phase, KILLED), where
        assert one["dump"] == [], where
        assert one["entities"] == [], where
        assert one["known"] > 200
        assert one["sent"] > 20
    record_property(f"{ledgers}, {phase}", len(told))
