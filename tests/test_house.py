"""The rules the house is built by: direction of imports, what is packed, what no file may name."""

import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

ROOT = Path(__file__).parents[1]
PACKAGES = ("miner", "queries", "sinks", "schedules")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-spark.lock")


def files(*folders: str) -> list[str]:
    """Files that are committed, or would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture
def copy(tmp_path):
    """The four packages and what builds them, to be spoiled."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_imports_point_one_way():
    """From schedules → {queries, sinks} → miner, and each folder alone talks to its part of the outside world."""
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "imported", "contract"),
    [
        ("miner", "schedules", "schedules, then queries and sinks side by side, then miner"),
        ("queries", "sinks", "schedules, then queries and sinks side by side, then miner"),
        ("sinks", "tests", "the product does not know its tests"),
        ("schedules", "duckdb", "only queries talks to a warehouse"),
        ("queries", "sqlalchemy", "only miner talks to the ledger's database"),
        ("miner", "pyapacheatlas", "only sinks talks to Purview"),
    ],
)
def test_a_wrong_import_is_found(copy, package, imported, contract):
    """Each contract turns red when it is broken."""
    (copy / package / "intruder.py").write_text(f"import {imported}\n")
    result = lint_imports(copy)
    assert result.returncode != 0
    assert f"{contract} BROKEN" in result.stdout


@pytest.mark.slow
def test_packed_files(copy):
    """The wheel holds every file of the four packages (modules, SQL, migrations), the licence, and nothing else."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = (copy / "dist").glob("uc_lineage_miner-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert set(files(*PACKAGES)) - set(names) == set()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock(lock):
    """A lock pins every distribution with hashes and names no place it came from."""
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?:|index-url|find-links|trusted-host|file:| @ ", text)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > (1 if "spark" in lock else 20)
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+( ; [^\n\\]+)? \\\n    --hash=sha256:", entry), entry


def test_locks_agree():
    """What runs in production is what the tests ran with."""
    runtime, dev = (
        set(re.findall(r"^[a-z0-9.-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS[:2]
    )
    assert runtime < dev


def test_no_place_of_this_machine():
    """No file names a folder of the machine it was written on, nor where its packages came from."""
    places = [str(ROOT), f"{Path.home()}/", *os.environ.get("PIP_FIND_LINKS", "").split()]
    # Only longer names tell a machine: "/" or "/src" stand in any text.
    found = re.compile("|".join(rf"(?<![\w.:/-]){re.escape(place)}(?![\w-])" for place in places if len(place) > 5))
    named = [name for name in files() if found.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))]
    assert named == []


def test_no_test_reaches_out():
    """A connection beyond this machine is refused before a packet is sent; 192.0.2.0/24 belongs to nobody."""
    with pytest.warns(UserWarning, match="A test tried"), pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 443), timeout=1)


def test_loopback_is_open():
    """A server of the test's own can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        pass


def test_make_help_is_complete():
    """`make help` lists every target a person may call."""
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)[1].split())
    assert phony == set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert {"demo", "test", "lint", "bench", "sample", "clean", "help"} <= phony
