import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given, strategies
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from miner.errors import SettingsError
from miner.scope import DEFAULT, Globs, Scope
from schedules.parts import Parts
from schedules.settings import Settings, keys, load
from schedules.settings.given import Given, variable
from schedules.settings.problems import lines as lines_of
from schedules.settings.scope import globs

CATALOGUE = keys.catalogue(Settings)
DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> Path:
        file = tmp_path / "conf" / "miner.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return _write


def problems(file: Path | None, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(file, env or {})
    heading, *lines = caught.value.message.split("\n  ")
    assert heading == f"the settings have {len(lines)} problem{'s' if len(lines) > 1 else ''}:"
    return [line.replace(str(file), "FILE") for line in lines]


def test_defaults(monkeypatch, tmp_path):
    """Without file and environment every setting has the documented default."""
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert settings == Settings()
    assert settings.ledger.url == "sqlite:///uc-miner.db"
    assert (settings.mining.start, settings.mining.settle_days, settings.mining.stale_days) == (None, 3, 180)
    assert settings.mining.column_lineage is True
    assert (globs(settings.mining.exclude), globs(settings.mining.include)) == (DEFAULT, Globs())
    assert settings.usage.windows == (1, 7, 30, 90)
    assert settings.sources == {}
    assert (settings.purview.sink, settings.purview.out) == ("files", Path("purview"))
    assert (settings.log.level, settings.log.format) == ("info", "auto")


def test_file_in_the_working_directory(monkeypatch, tmp_path):
    """./uc-miner.toml is read when no file is named, and only then."""
    monkeypatch.chdir(tmp_path)
    Path("uc-miner.toml").write_text("mining.settle_days = 5\n")
    Path("other.toml").write_text("")
    assert load(None, {}).mining.settle_days == 5
    assert load(Path("other.toml"), {}).mining.settle_days == 3


def test_every_problem_at_once(write):
    """Each wrong, missing or unknown setting is named in one go: where, key, value given, what is allowed."""
    file = write("""
        settle_days = 3
        nonsense = 1
        [mining]
        start = 20261001
        settle_days = 99
        settel_days = 3
        [mining.include]
        catalogs = ["prod.sales"]
        schemas = ["prod.sales.orders", "sales"]
        tabels = ["prod"]
        [mining.exclude]
        tables = ["sales.orders"]
        users = ["ann@x.org"]
        [usage]
        windows = [1, 7, 7]
        [sources.prod]
        kind = "files"
        threads = true
        [sources.prod.tables]
        table_lineage = "access.table_lineage"
        column_lineage = "a.b.c; drop"
        [sources.prod.include]
        workspaces = "1001"
        [sources.prod.exclude]
        tables = ["a.b"]
        [sources."Bad Name"]
        kind = "files"
        path = "."
        [purview]
        sink = "purview"
        """)
    sections = "allowed here: ledger, mining, usage, readers, reports, queries, sources, purview, daemon, log"
    tables = 'must be a list of globs with * and ?, such as ["log_*", "dev.*.orders_?"]; [] for none'
    three_parts = "must be catalog.schema.table, each part of letters, digits, _ and -, or between backticks"
    assert problems(file, {"UC_MINER__LOG__LEVEL": "loud", "UC_MINER__LOGG__LEVEL": "info"}) == [
        "FILE: mining.start = 20261001 is no day of the calendar; must be a day as YYYY-MM-DD",
        "FILE: mining.settle_days = 99 must be a whole number from 0 to 60",
        'FILE: mining.include.catalogs = ["prod.sales"] holds an entry of 2 parts; must be a list of globs with * and ?, such as ["dev_*"], without a dot; [] for none',
        'FILE: mining.include.schemas = ["prod.sales.orders", "sales"] holds an entry of 3 parts; must be a list of globs with * and ?, such as ["tmp_*", "dev.sales_*"]; [] for none',
        "FILE: mining.include.tabels: unknown key, did you mean tables? allowed here: catalogs, schemas, tables, paths, workspaces, process_kinds",
        f'FILE: mining.exclude.tables = ["sales.orders"] holds an entry of 2 parts; {tables}',
        "FILE: mining.exclude.users: unknown key, did you mean usage.exclude_users? allowed here: catalogs, schemas, tables, paths, workspaces, process_kinds",
        "FILE: mining.settel_days: unknown key, did you mean settle_days? allowed here: start, settle_days, stale_days, dropped_days, column_lineage, names, cost, cost_settle_days, outside_actions, include, exclude",
        "FILE: usage.windows = [1, 7, 7] names a window twice; must be a list of different whole numbers from 1 to 730",
        "FILE: sources.prod.path is missing; must be a directory that exists",
        "FILE: sources.prod.threads = true is no number; must be a whole number from 1 to 256",
        f'FILE: sources.prod.tables.table_lineage = "access.table_lineage" has 2 parts; {three_parts}',
        f'FILE: sources.prod.tables.column_lineage = "a.b.c; drop" holds a character that is not allowed; {three_parts}',
        'FILE: sources.prod.include.workspaces = "1001" must be a list of globs with * and ?, such as ["dev_*"]; [] for none',
        f'FILE: sources.prod.exclude.tables = ["a.b"] holds an entry of 2 parts; {tables}',
        'FILE: sources."Bad Name" must be a table [sources.NAME], NAME of a-z, 0-9, _ and -',
        'FILE: purview.endpoint is missing; sink = "purview" needs it, or purview.account; must be an https:// address, or http:// on this machine',
        'UC_MINER__LOG__LEVEL: log.level = "loud" must be "debug", "info", "warning" or "error"',
        f"FILE: settle_days: unknown key, did you mean mining.settle_days? {sections}",
        f"FILE: nonsense: unknown key; {sections}",
        f"UC_MINER__LOGG__LEVEL: logg: unknown key, did you mean log? {sections}",
    ]


def test_environment_wins(write, tmp_path):
    """A variable overrides its key and leaves the rest of its section; lists are JSON; an empty one is not set."""
    file = write("""
        [mining]
        settle_days = 5
        stale_days = 90
        [mining.exclude]
        catalogs = ["a"]
        tables = ["b"]
        """)
    env = {
        "UC_MINER__MINING__SETTLE_DAYS": "7",
        "UC_MINER__MINING__START": "2026-10-01",
        "UC_MINER__MINING__EXCLUDE__CATALOGS": '["Dev_*"]',
        "uc_miner__mining__column_lineage": "false",
        "UC_MINER__PURVIEW__ENDPOINT": "",
        "UC_MINERS__LOG__LEVEL": "not ours",
    }
    settings = load(file, env)
    assert (settings.mining.settle_days, settings.mining.stale_days) == (7, 90)
    assert settings.mining.start == date(2026, 10, 1)
    assert settings.mining.column_lineage is False
    assert globs(settings.mining.exclude).catalogs == ("dev_*",)
    assert settings.mining.exclude.tables == ("b",)
    assert settings.purview.endpoint is None


def test_source_in_the_environment(tmp_path, monkeypatch):
    """A whole source can be given by the environment alone, and what it lacks is named as a variable."""
    monkeypatch.chdir(tmp_path)
    env = {"UC_MINER__SOURCES__PROD__PATH": str(tmp_path), "UC_MINER__SOURCES__PROD__TABLES__QUERY_HISTORY": "a.b.c"}
    assert problems(None, env) == [
        'UC_MINER__SOURCES__PROD__KIND: sources.prod.kind is missing; must be "files" or "databricks"'
    ]
    source = load(None, env | {"UC_MINER__SOURCES__PROD__KIND": "files"}).sources["prod"]
    assert source.path == tmp_path
    assert source.tables.query_history == "a.b.c"
    assert source.tables.table_lineage == "system.access.table_lineage"


def test_source_overridden_by_the_environment(write, tmp_path):
    """One key of a source in the file can be changed by the environment."""
    (tmp_path / "other").mkdir()
    file = write('[sources.prod]\nkind = "files"\npath = "/nowhere"\nthreads = 2\n')
    source = load(file, {"UC_MINER__SOURCES__PROD__PATH": str(tmp_path / "other")}).sources["prod"]
    assert (source.path, source.threads) == (tmp_path / "other", 2)


def test_section_written_as_text(write):
    """A variable that stands where a section belongs is named, and hides no other problem."""
    env = {"UC_MINER__MINING": "3", "UC_MINER__MINING__START": "2026-10-01", "UC_MINER__LOG__LEVEL": "loud"}
    first, second = problems(None, env)
    assert first == 'UC_MINER__MINING: mining = "3" must be a table'
    assert second.startswith("UC_MINER__LOG__LEVEL: ")


@pytest.mark.parametrize("query", ["", "?sslmode=verify-full"])
def test_a_ledger_on_postgresql(write, query):
    """A PostgreSQL address is taken as it is, from the file and from the environment."""
    url = f"postgresql+psycopg://u@h:6432/db{query}"
    assert load(write(f'[ledger]\nurl = "{url}"'), {}).ledger.url == url
    assert load(write(""), {"UC_MINER__LEDGER__URL": url}).ledger.url == url


@pytest.mark.parametrize(
    "text",
    [
        '[purview]\nuser = "u"\npassword = "hunter2"\nsink = "nowhere"',
        '[purview]\npassword = "hunter2"',
        '[purview]\npasword = "hunter2"',
        'passwrod = "hunter2"',
        '[purview]\nuser = "u"\npassword = ["hunter2"]',
        'purview = [{password = "hunter2"}]',
        '[purview]\nendpoint = "https://u:hunter2@example.com"',
        '[ledger]\nurl = "postgresql://u:hunter2@host/db"',
        '[ledger]\nurl = "postgresql://u:hunter2/@#@host/db"',
        '[ledger]\nurl = "postgresql+psycopg://u:hunter2@host"',
        '[purview]\nendpoint = "https://hunter2@example.com"',
        '[log]\nclient_secret = "hunter2"',
    ],
)
def test_no_secret_in_a_message(write, text):
    """A secret is never shown, wherever it was written by mistake, nor kept on the error that is raised."""
    with pytest.raises(SettingsError) as caught:
        load(write(text), {})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_no_secret_in_settings(write):
    """Settings can be printed and logged: a password shows only when asked for."""
    settings = load(write('[purview]\nuser = "u"\npassword = "hunter2"'), {})
    assert settings.purview.password == SecretStr("hunter2")
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_user_and_password_go_together(write):
    """Half of a login is named as what is missing."""
    (line,) = problems(write('[purview]\nuser = "u"'))
    assert line.startswith("FILE: purview.password is missing; purview.user is given; must be text, or ")
    (line,) = problems(write(f'[purview]\npassword_file = "{__file__}"'))
    assert line.startswith("FILE: purview.password is given without purview.user; ")
    (line,) = problems(write(f'[purview]\nuser = "u"\npassword = "p"\npassword_file = "{__file__}"'))
    assert line.startswith("FILE: purview.password = *** is given beside password_file; ")


def test_relative_to_the_file(write, tmp_path, monkeypatch):
    """Paths in the file, and defaults beside it, are relative to its folder; those in the environment are not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "conf" / "exports").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    file = write("""
        [ledger]
        url = "sqlite:///state/l.db"
        [sources]
        a = { kind = "files", path = "exports" }
        b = { kind = "files", path = "~/here" }
        c = { kind = "files", path = "ignored" }
        """)
    settings = load(file, {"UC_MINER__SOURCES__C__PATH": "here"})
    assert settings.ledger.url == f"sqlite:///{tmp_path}/conf/state/l.db"
    assert settings.purview.out == tmp_path / "conf" / "purview"
    paths = [source.path for source in settings.sources.values()]
    assert sorted(paths) == sorted([tmp_path / "conf" / "exports", tmp_path / "here", Path("here")])
    assert load(file, {"UC_MINER__LEDGER__URL": "sqlite:///l.db", "UC_MINER__SOURCES__C__PATH": "here"}).ledger.url == (
        "sqlite:///l.db"
    )


def test_absolute_paths_stay(write, tmp_path):
    """An absolute path means the same wherever the file lies."""
    settings = load(write(f'[ledger]\nurl = "sqlite:///{tmp_path}/l.db"\n[purview]\nout = "{tmp_path}/p"'), {})
    assert (settings.ledger.url, settings.purview.out) == (f"sqlite:///{tmp_path}/l.db", tmp_path / "p")


def test_unreadable_files(tmp_path):
    """A missing file, a directory, wrong bytes and wrong TOML are each said as what they are, with the mend."""
    broken, latin = tmp_path / "broken.toml", tmp_path / "latin.toml"
    broken.write_text("[mining]\nsettle_days = \n")
    latin.write_bytes(b'[log]\nlevel = "\xe9"\n')
    expected = {
        tmp_path / "absent.toml": "there is no such settings file",
        tmp_path: "is a directory",
        tmp_path / "broken.toml" / "x": "cannot be read: Not a directory",
        broken: "is not TOML: Invalid value (at line 2, column 15)",
        latin: "byte 15 is not UTF-8",
    }
    for file, message in expected.items():
        with pytest.raises(SettingsError) as caught:
            load(file, {})
        assert caught.value.message == f"{file}: {message}"
        assert caught.value.mend


def test_byte_order_mark(tmp_path):
    """A file saved by an editor that writes a byte order mark is read."""
    file = tmp_path / "bom.toml"
    file.write_bytes(b"\xef\xbb\xbfmining.settle_days = 5\n")
    assert load(file, {}).mining.settle_days == 5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ledger.url", '"sqlite://"'),
        ("ledger.url", '"sqlite:///:memory:"'),
        ("ledger.url", '"mysql://h/db"'),
        ("ledger.url", '"postgresql://h/db"'),
        ("ledger.url", '"postgresql+psycopg2://h/db"'),
        ("ledger.url", '"postgresql+psycopg://h"'),
        ("ledger.url", '"postgresql+psycopg://h:port/db"'),
        ("ledger.usage_days", "0"),
        ("ledger.usage_days", '"all"'),
        ("mining.settle_days", "true"),
        ("mining.settle_days", "1.5"),
        ("mining.start", "2026-10-01T12:00:00"),
        ("mining.start", '"2026-13-01"'),
        ("mining.exclude.catalogs", '"dev_*"'),
        ("mining.exclude.catalogs", '["dev.*"]'),
        ("mining.exclude.schemas", '["a.b.c"]'),
        ("mining.include.tables", '["a.b"]'),
        ("mining.include.tables", '["a.b.c.d"]'),
        ("mining.include.workspaces", "[1001]"),
        ("mining.include.process_kinds", '[""]'),
        ("usage.include_users", '["ann@x.org "]'),
        ("mining.exclude.catalogs", '[" dev"]'),
        ("mining.exclude.paths", '["a\\nb"]'),
        ("usage.windows", "[]"),
        ("usage.windows", "[731]"),
        ("usage.windows", "[true]"),
        ("purview.out", '""'),
        ("purview.max_entities", "201"),
        ("purview.endpoint", '"http://atlas.example.com"'),
        ("purview.endpoint", '"https://"'),
        ("purview.endpoint", '"https://example.com:port"'),
        ("purview.endpoint", '"https://example.com/?x=1"'),
        ("purview.endpoint", '"ftp://127.0.0.1"'),
        ("purview.process_type", '"databricks_process"'),
        ("purview.business_metadata_group", '"a.b"'),
        ("log.format", '"pretty"'),
    ],
)
def test_refused_values(write, key, value):
    """A value outside what is documented as allowed is refused by its key."""
    (line,) = problems(write(f"{key} = {value}\n"))
    assert re.match(
        rf"FILE: {re.escape(key)} = .* must be {re.escape(must_be(CATALOGUE[tuple(key.split('.'))]))}$", line
    )


def test_refused_source_values(write, tmp_path):
    """A source's directory must be one, and its size of memory a size."""
    (tmp_path / "file").write_text("")
    (tmp_path / "conf").mkdir()
    file = write(f"""
        [sources]
        a = {{ kind = "files", path = "{tmp_path}/file" }}
        b = {{ kind = "files", path = "" }}
        c = {{ kind = "files", path = "gone", memory_limit = "much" }}
        """)
    assert [line.split(";")[0] for line in problems(file)] == [
        f'FILE: sources.a.path = "{tmp_path}/file" is a file',
        'FILE: sources.b.path = "" is empty',
        f'FILE: sources.c.path = "gone" does not exist (looked for {tmp_path}/conf/gone)',
        'FILE: sources.c.memory_limit = "much" must be a size such as "512MB" or "4GiB"',
    ]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://acme.purview.azure.com/", "https://acme.purview.azure.com"),
        ("http://127.0.0.1:21000", "http://127.0.0.1:21000"),
        ("http://localhost:21000/", "http://localhost:21000"),
    ],
)
def test_endpoints(write, value, kept):
    """TLS, or this machine; a slash at the end means nothing."""
    settings = load(write(f'[purview]\nsink = "purview"\nendpoint = "{value}"'), {})
    assert settings.purview.endpoint == kept


@pytest.mark.parametrize("name", ["a.b.c", "main.übersicht.table-1", "`my cat`.b.`c,d`", "a.b.`c`"])
def test_table_names(write, tmp_path, name):
    """Three parts, with backticks around a part that needs them."""
    assert load(_with_table(write, tmp_path, name), {}).sources["s"].tables.table_lineage == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a.b",
        "a.b.c.d",
        "a..c",
        "a b.c.d",
        "a.b.c'",
        'a.b."c"',
        "a.b.c--x;",
        "a.`b.c`",
        "`..`.`..`.c",
        "a.b.`c/d`",
        "a.b.`c",
        "a.b.c\n",
    ],
)
def test_refused_table_names(write, tmp_path, name):
    """Nothing that could end a name, leave the export's folder, or is not three parts, passes."""
    (line,) = problems(_with_table(write, tmp_path, name))
    assert line.startswith(f"FILE: sources.s.tables.table_lineage = {json.dumps(name)} ")


def _with_table(write, folder: Path, name: str) -> Path:
    return write(
        f'[sources.s]\nkind = "files"\npath = "{folder}"\n[sources.s.tables]\ntable_lineage = {json.dumps(name)}\n'
    )


def test_windows_are_sorted(write):
    """Windows are reported from short to long, however they are written."""
    assert load(write("usage.windows = [90, 1, 30]"), {}).usage.windows == (1, 30, 90)


def test_exclusions_are_folded_but_for_paths(write):
    """Names are compared folded, so a glob in capitals still matches; a path keeps its case."""
    text = '[mining.exclude]\nschemas = ["Tmp_*"]\npaths = ["s3://B/*"]\ntables = []\n'
    found = globs(load(write(text), {}).mining.exclude)
    assert (found.schemas, found.paths, found.tables) == (("tmp_*",), ("s3://B/*",), ())


SCOPED = """
[mining.include]
catalogs = ["Prod"]
workspaces = ["1001"]
[mining.exclude]
tables = ["log_*"]
[sources.one]
kind = "files"
path = "."
[sources.two]
kind = "databricks"
host = "adb-1.2.azuredatabricks.net"
warehouse_id = "ab12"
token = "dapi"
include.catalogs = ["west"]
include.process_kinds = ["job"]
exclude.tables = []
exclude.paths = ["s3://Tmp/*"]
"""


def test_scope_of_a_source(write):
    """A list of a source stands in for that under [mining], an empty one too; what it does not give, it takes from there."""
    parts = Parts(load(write(SCOPED), {}), lambda: datetime(2026, 11, 12, tzinfo=UTC))
    assert parts.scope("one") == Scope(
        exclude=replace(DEFAULT, tables=("log_*",)), include=Globs(catalogs=("prod",), workspaces=("1001",))
    )
    assert parts.scope("two") == Scope(
        exclude=replace(DEFAULT, tables=(), paths=("s3://Tmp/*",)),
        include=Globs(catalogs=("west",), workspaces=("1001",), process_kinds=("job",)),
    )


def test_frozen():
    """What a run was started with does not change under it."""
    with pytest.raises(ValidationError):
        Settings().mining.settle_days = 5


def test_constructing_reads_no_environment(monkeypatch):
    """Only `load` looks at the environment: LOG or SOURCES of another program mean nothing here."""
    monkeypatch.setenv("LOG", "nonsense")
    monkeypatch.setenv("SOURCES", "nonsense")
    assert Settings().sources == {}


def test_sources_of_several_kinds():
    """Where `kind` decides what a source may hold, the key named is the user's, without pydantic's tag in it."""

    class One(BaseModel):
        kind: Literal["one"]
        size: int = Field(json_schema_extra={"must_be": "a size"})

    class Two(BaseModel):
        kind: Literal["two"]

    class Both(BaseModel):
        sources: dict[str, Annotated[One | Two, Field(discriminator="kind")]]

    values = {"sources": {"a": {"kind": "one", "size": "x"}, "b": {"kind": "one"}, "c": {"kind": "three"}, "d": {}}}
    with pytest.raises(ValidationError) as caught:
        Both.model_validate(values)
    lines = lines_of(caught.value, Given(Path("FILE"), values, {}, {}), Both)
    assert [line.split(" must")[0] for line in lines] == [
        'FILE: sources.a.size = "x"',
        "FILE: sources.b.size is missing;",
        'FILE: sources.c.kind = "three"',
        "FILE: sources.d.kind is missing;",
    ]


@given(strategies.dictionaries(strategies.sampled_from([variable(key) for key in CATALOGUE]), strategies.text()))
def test_any_environment_is_read_or_refused(env):
    """Whatever the environment holds, loading gives settings or one SettingsError, and nothing else escapes."""
    try:
        load(None, env)
    except SettingsError as error:
        found = error.message
    else:
        return
    assert found.startswith("the settings have ")


def must_be(field: FieldInfo) -> str:
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra["must_be"])


@pytest.mark.parametrize("key", [key for key, field in CATALOGUE.items() if not must_be(field).startswith("a table")])
def test_documented(key):
    """docs/settings.md has a row for each setting with its default, what is allowed and its meaning."""
    field = CATALOGUE[key]
    default = "required" if field.is_required() else _as_toml(field.default)
    assert f"| `{'.'.join(key)}` | {default} | {must_be(field)} | {field.description} |" in DOCS.read_text(
        encoding="utf-8"
    )


def _as_toml(value: object) -> str:
    if value is None:
        return "unset"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, default=str)}`"


def test_nothing_documented_that_is_not_there():
    """docs/settings.md names no setting that was taken away."""
    rows = re.findall(r"^\| `([\w.]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {tuple(row.split(".")) for row in rows} <= set(CATALOGUE)
    assert len(rows) == len(set(rows))


def test_ways_to_name_an_account(write):
    """An account by name, in the unified portal, or by a whole address; none of them is a problem."""
    head = '[purview]\nsink = "purview"\n'
    for more in ('account = "acct"', 'portal = "unified"', 'endpoint = "https://x.example.com"'):
        load(write(head + more), {})
    (problem,) = problems(write(head + 'portal = "unified"\ncloud = "china"'))
    assert "public cloud only" in problem
    (problem,) = problems(write(head + 'account = "not a name"'))
    assert "purview.account" in problem


@pytest.mark.parametrize(
    ("way", "missing"),
    [
        ("client-secret", {"tenant_id", "client_id", "client_secret"}),
        ("client-certificate", {"tenant_id", "client_id", "certificate"}),
        ("basic", {"user"}),
        ("managed-identity", set()),
        ("workload-identity", set()),
        ("azure-cli", set()),
    ],
)
def test_what_a_way_to_sign_in_needs(write, way, missing):
    """Everything that a way to sign in lacks is named at once."""
    file = write(f'[purview]\nsink = "purview"\naccount = "acct"\nauth = "{way}"')
    named = problems(file) if missing else load(file, {}) and []
    assert {line.split(" ")[1].removeprefix("purview.") for line in named} == missing
    assert all(f'auth = "{way}" needs it' in line for line in named)
