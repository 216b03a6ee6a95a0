"""Kill the process anywhere: nothing is lost or counted twice."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ledgers import SERVER
from tests.miner.crash_driver import KILLED

ROOT = Path(__file__).parents[2]
PHASES = {"fetch": 20, "merge": 70, "send": 4, "arrived": 4}
"""Phases and how often at least a run passes each."""


def _environment():
    """What the driver needs to find the code, and the server of the tests where there is one."""
    return {"PYTHONPATH": str(ROOT), **{name: os.environ[name] for name in (SERVER,) if name in os.environ}}


@pytest.mark.slow
def test_kills(tmp_path):
    """After a kill inside fetch, merge or emission the next run ends where an undisturbed one does."""
    chosen = random.Random(4)  # noqa: S311 -- no secret
    points = [
        f"{phase}:{chosen.randrange(most)}" for phase, most in PHASES.items() for _ in range(2 if most > 4 else 1)
    ]
    driver = [sys.executable, ROOT / "tests/miner/crash_driver.py", tmp_path, *points]
    told = subprocess.run(driver, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    calm, *stories = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    assert calm["ends"] == [0]
    assert len(calm["dump"]) > 40
    assert len(calm["sent"]) == len(set(calm["sent"])) > 4
    for story in stories:
        phase = story["point"].partition(":")[0]
        assert (story["landed"], story["ends"]) == (phase, [KILLED, 0]), story["point"]
        assert story["dump"] == calm["dump"], story["point"]
        assert set(story["sent"]) == set(calm["sent"])
        again = len(story["sent"]) - len(calm["sent"])
        assert again == 0 if phase != "arrived" else 0 < again <= 2
    assert {story["landed"] for story in stories} == PHASES.keys()
