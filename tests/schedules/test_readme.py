import re
import tomllib
from pathlib import Path

import pytest

from schedules import settings
from tests.schedules.conftest import small_estate

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_five_lines_of_settings(home):
    """The five lines that point the miner at exports are five, are read, and are enough for a run."""
    _, lines, _ = blocks("toml")
    assert len(lines.splitlines()) == 5
    home.export.rmdir()
    (home.folder / "exports").mkdir()
    home.settings.write_text(lines)
    home.write(*small_estate())
    home.export.rename(home.folder / "exports" / "prod")
    assert home("run").code == 0


def test_settings_of_databricks(home):
    """The lines that point the miner at a warehouse are read, and enough for `grants` to name the principal."""
    home.settings.write_text(blocks("toml")[0])
    principal = tomllib.loads(home.settings.read_text())["sources"]["prod"]["principal"]
    assert f"TO `{principal}`" in home("grants").out


@pytest.mark.parametrize("source", [0, 1])
def test_settings_of_purview(home, source):
    """The lines that send to an account are right beside those of either source."""
    (home.folder / "exports" / "prod").mkdir(parents=True)
    given = blocks("toml")
    home.settings.write_text(given[source] + given[2])
    assert settings.load(home.settings, {}).purview.sink == "purview"


def test_every_command_is_there(home):
    """The commands of the README are those of the command line, with options that exist."""
    named = re.findall(r"^\| `uc-miner ([a-z ]+?)(?: ([A-Z\-\[].*?))?` \|", TEXT, re.MULTILINE)
    assert {command for command, _ in named} == {
        "demo", "sample", "preflight", "grants", "views", "run", "emit", "explain",
        "lineage", "impact", "backfill", "daemon", "plan", "report", "status", "ledger dump",
    }  # fmt: skip
    for command, options in named:
        page = home(*command.split(), "--help").out
        assert all(option in page for option in re.findall(r"--[a-z-]+", options))


def test_page_of_the_demo(demo_once):
    """What the README shows of `make demo` has the parts that a demo prints today, in their order."""
    (shown,) = blocks("text")
    _, page = demo_once

    def parts(text: str) -> list[str]:
        heads = re.findall(r"(?:\A|\n\n)(.+)", text.strip())
        return [re.sub(r"[\d,-]+", "#", head.split(":")[0]) for head in heads]

    assert parts(shown) == parts(page)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", TEXT))))
def test_links(target):
    """Every page that the README links to is there."""
    assert (ROOT / target).is_file()


def test_targets_of_make():
    """The commands for a bare machine are targets of the Makefile."""
    called = set(re.findall(r"^make ([a-z-]+)$", TEXT, re.MULTILINE))
    assert called == {"demo", "test", "test-spark"}
    assert called <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
