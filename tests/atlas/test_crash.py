"""Killed anywhere inside sending, the next run leaves what an undisturbed one does."""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.atlas import estate as estates

ROOT = Path(__file__).parents[2]
SEED = 7
SENDING = {"announced": 12, "posting": 12, "posted": 12, "arrived": 12}
"""Phases of a first sending, and how often at least each is passed."""
SHRINKING = {"announced": 2, "posting": 2, "posted": 2, "arrived": 2, "removing": 6}
"""Phases of a sending after a popular table was excluded."""


def points(phases, times):
    """Points drawn by chance, the same in every run; each phase comes at least once."""
    chance = random.Random(SEED)  # noqa: S311 -- no secret
    chosen = [*phases, *chance.choices(list(phases), k=times - len(phases))]
    return [(phase, chance.randrange(phases[phase])) for phase in chosen]


def killed(estate, phase, number):
    """Send in a process of its own, killed at a point."""
    driver = [sys.executable, "-m", "tests.atlas.crash_driver", estate.folder, estate.endpoint, phase, str(number)]
    done = subprocess.run(driver, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, f"{phase}:{number} did not land: {done.stderr[-2000:]}"


def state(catalog, estate):
    """All that a later run may see."""
    return catalog.processes(), catalog.figures(), estate.emissions()


def shrunk(estate):
    """Exclude the table that most processes read."""
    inputs = Counter(edge["source"] for edge in estate.edges() if edge["source_kind"] == "table")
    (most, _), *_ = inputs.most_common(1)
    estate.mine(f'[mining.exclude]\ntables = ["{most.rpartition(".")[2]}"]')


def test_twenty_kills(catalog, mined_once, tmp_path):
    """Ten kills in a first sending, ten in one that changes and removes: catalog and ledger end as if there were none."""
    fresh, calm = (mined_once.copy(tmp_path / name) for name in ("fresh", "calm"))
    fresh.endpoint = calm.endpoint = catalog.endpoint
    catalog.scan(estates.assets(*fresh.entities()))
    calm.emit()
    undisturbed = state(catalog, calm)
    assert len(undisturbed[0]) > 20
    for number, (phase, at) in enumerate(points(SENDING, 10)):
        catalog.forget()
        estate = fresh.copy(tmp_path / f"first-{number}")
        killed(estate, phase, at)
        estate.emit()
        assert state(catalog, estate) == undisturbed, f"{phase}:{at}"
    later = calm.copy(tmp_path / "later")
    shrunk(later)
    unshrunk = later.copy(tmp_path / "unshrunk")
    changes = later.emit()
    assert changes.removed
    assert changes.changed["process"]
    undisturbed = state(catalog, later)
    for number, (phase, at) in enumerate(points(SHRINKING, 10)):
        calm.forget_what_was_sent()
        calm.emit()
        estate = unshrunk.copy(tmp_path / f"later-{number}")
        killed(estate, phase, at)
        estate.emit()
        assert state(catalog, estate) == undisturbed, f"{phase}:{at}"
