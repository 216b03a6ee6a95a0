import ast
import re
from pathlib import Path

import pytest

from miner.errors import LedgerError
from schedules import cli, jobs

COMMANDS = (
    "demo",
    "sample",
    "run",
    "report",
    "plan",
    "status",
    "explain",
    "ledger dump",
    "preflight",
    "grants",
    "views",
)


def test_alone_it_says_what_to_do_next(home):
    """`uc-miner` alone names the demo, five lines of settings and `run`; those lines are settings that are read."""
    home.settings.unlink()
    answer = home()
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.index("uc-miner demo") < answer.out.index("[sources.prod]") < answer.out.index("uc-miner run")
    lines = [line.strip() for line in answer.out.split("uc-miner.toml:\n")[1].splitlines() if line.startswith("     ")]
    assert len(lines[:5]) == 5
    home.settings.write_text("\n".join(lines[:5]))
    (home.folder / "exports" / "prod").mkdir(parents=True)
    assert home("status").code == 1  # the settings are right: what is missing is a ledger


def test_alone_beside_settings(home):
    """Where settings are, the next step is `run`, not the demo."""
    answer = home()
    assert "uc-miner run" in answer.out
    assert "demo" not in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example(home, command):
    """`--help` of every command shows a call that can be typed as it is."""
    answer = home(*command.split(), "--help")
    assert answer.code == 0
    assert re.search(rf"Example: (?:.* && )?uc-miner {command}", " ".join(answer.out.split()))


def test_help_of_all(home):
    """`--help` names every command and every exit code, and reads no settings."""
    home.settings.write_text("broken")
    answer = home("--help")
    assert answer.code == 0
    assert all(command.split()[0] in answer.out for command in COMMANDS)
    assert re.search(r"0 done, 1 failed, 2 bad settings or usage, 3\s+done with\s+rejections", answer.out)


def test_version(home):
    """`--version` names the distribution and ends."""
    answer = home("--version")
    assert (answer.code, answer.err) == (0, "")
    assert re.fullmatch(r"uc-lineage-miner (\d\S*|\(not installed\))\n", answer.out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mine",), "mine"),
        (("run", "--forc"), "--forc"),
        (("report", "--csv", "x.csv", "--window", "731"), "--window"),
        (("report", "--csv", "x.csv", "--window", "0"), "--window"),
        (("report", "--csv", "x.csv", "--as-of", "31.10.2026"), "--as-of"),
        (("report",), "nothing to report"),
        (("report", "--csv", "x.csv", "--edges", "x.csv"), "one place"),
        (("sample",), "--out"),
        (("sample", "--out", "x", "--tables", "1"), "--tables"),
        (("sample", "--out", "x", "--days", "many"), "--days"),
        (("run", "--source", "nope"), "no source nope"),
        (("-c", "nope.toml", "run"), "nope.toml"),
        (("--log-level", "loud", "run"), "--log-level"),
        (("ledger", "drop"), "drop"),
    ],
)
def test_bad_usage(home, arguments, words):
    """Bad usage ends with code 2, one `error:` with what was wrong and one `mend:`, and does nothing."""
    before = set(home.folder.rglob("*"))
    answer = home(*arguments)
    assert (answer.code, answer.out) == (2, "")
    error, mend = answer.told.splitlines()
    assert error.startswith("error: ")
    assert words in error
    assert mend.startswith("mend:  ")
    assert set(home.folder.rglob("*")) == before


def test_all_wrong_settings_at_once(home):
    """Wrong settings end with code 2 and name every key at once; nothing is done."""
    home.set("nonsense = 1\n[mining.exclude]\ncatalogs = 3\n[usage]\nwindows = []\n")
    answer = home("run")
    assert answer.code == 2
    assert all(key in answer.err for key in ("sources.prod.nonsense", "mining.exclude.catalogs", "usage.windows"))
    assert not home.ledger.exists()


def test_no_source(home):
    """Without any source `run` ends with code 2 and shows how to name one."""
    home.settings.write_text("")
    answer = home("run")
    assert answer.code == 2
    assert "[sources.prod]" in answer.err


def test_settings_by_option_and_by_environment(mined, monkeypatch):
    """`-c` names the settings, UC_MINER_CONFIG does too, and the option wins."""
    mined.settings.rename(mined.folder / "other.toml")
    assert mined("status").code == 1
    assert mined("-c", "other.toml", "status").code == 0
    monkeypatch.setenv("UC_MINER_CONFIG", "other.toml")
    assert mined("status").code == 0
    assert mined("-c", "nope.toml", "status").code == 2


def test_log_options_win_over_settings(home):
    """The log's level and form follow the settings, and the options over them."""
    home.write()
    home.set('[log]\nlevel = "error"\nformat = "console"\n')
    assert home("run", "--allow-empty").events == []
    events = home("--log-level", "info", "--log-format", "json", "run", "--allow-empty").events
    assert "entities.emitted" in {event["event"] for event in events}


def test_a_fault_of_ours(home, monkeypatch):
    """An error nobody foresaw ends with code 1 and one line; its traceback is in the log alone."""
    monkeypatch.setattr(jobs, "status", lambda _: {}["surprise"])
    answer = home("status")
    assert (answer.code, answer.out) == (1, "")
    error, mend = answer.told.splitlines()
    assert error == "error: uc-miner itself failed: KeyError('surprise')"
    assert mend.startswith("mend:  report it")
    (event,) = answer.events
    assert event["event"] == "command.failed"
    assert "Traceback" in event["exception"]


def test_interrupted(home, monkeypatch):
    """Control-C ends quietly with code 130."""

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "status", interrupted)
    answer = home("status")
    assert (answer.code, answer.out, answer.err) == (130, "", "")


@pytest.mark.parametrize("cause", [BrokenPipeError(32, "Broken pipe"), None])
def test_nobody_reads_the_output(home, monkeypatch, cause):
    """An output that is read no more ends quietly, any other failure does not."""

    def broken(_):
        raise LedgerError("standard output could not be written") from cause

    monkeypatch.setattr(jobs, "status", broken)
    answer = home("status")
    assert answer.code == 1
    assert bool(answer.err) is (cause is None)


def test_one_broad_except():
    """Only the entry point swallows what nobody foresaw."""
    root = Path(cli.__file__).parents[1]
    found = [
        path.relative_to(root).as_posix()
        for package in ("miner", "queries", "sinks", "schedules")
        for path in (root / package).rglob("*.py")
        for handler in ast.walk(ast.parse(path.read_text()))
        if isinstance(handler, ast.ExceptHandler) and is_broad(handler.type) and not raises(handler)
    ]
    assert found == ["schedules/cli.py"]


def is_broad(caught: ast.expr | None) -> bool:
    names = {name.id for name in ast.walk(caught) if isinstance(name, ast.Name)} if caught else {"Exception"}
    return bool(names & {"Exception", "BaseException"})


def raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))
