import io
import json
import sys

import pytest

from tests.sinks.purview.fake_atlas import PASSWORD, USER, answering

KEYS = ["input", "candidates", "match", "reason"]
ADLS = "abfss://c@a.dfs.core.windows.net/x"


@pytest.fixture
def bare(home):
    """A folder without settings."""
    home.settings.unlink()
    return home


@pytest.fixture
def piped(bare, monkeypatch):
    """Run `explain` on lines of standard input."""

    def _run(text: str | bytes, *arguments: str):
        data = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        answer = bare("explain", *arguments)
        return answer, [json.loads(line) for line in answer.out.splitlines()]

    return _run


def test_for_a_person(bare):
    """Without settings and without a server it tells types, whole names, rules, match and reason."""
    answer = bare("explain", ADLS)
    assert (answer.code, answer.err) == (0, "")
    assert "azure_datalake_gen2_path  (adls-gen2 folder)\n     https://a.dfs.core.windows.net/c/x\n" in answer.out
    assert answer.out.endswith("match:  -\nreason: not looked up: no catalog was asked\n")


def test_json(bare):
    """`--json` gives exactly four keys; a candidate has exactly three; there is no match without a server."""
    answer = bare("explain", "--json", "main.default.T", "--metastore", "m-1")
    assert list(answer.json) == KEYS
    assert (answer.json["input"], answer.json["match"]) == ("main.default.T", None)
    assert answer.json["candidates"][0] == {
        "typeName": "databricks_table",
        "qualifiedName": "databricks://m-1/catalogs/main/schemas/default/tables/t",
        "rule": "unity catalog table",
    }


def test_what_is_not_known_is_said(bare):
    """An unknown metastore or host stands as a placeholder, and the reason says so."""
    table = bare("explain", "--json", "main.default.t").json
    assert table["candidates"][0]["qualifiedName"].startswith("databricks://<METASTORE_ID>/")
    assert "<METASTORE_ID> stands for" in table["reason"]
    hive = bare("explain", "--json", "hive_metastore.d.t").json
    assert hive["candidates"][0]["qualifiedName"] == "d.t@<WORKSPACE_ID>.azuredatabricks.net"
    assert "stands for the metastore's host" in hive["reason"]


def test_openlineage_and_mounts(bare):
    """An OpenLineage name is explained, with mount points given by hand."""
    mount = "/mnt/x=abfss://c@a.dfs.core.windows.net/"
    answer = bare("explain", "--openlineage", "dbfs", "/mnt/x/x", "--mounts", mount, "--json").json
    assert answer["input"] == {"namespace": "dbfs", "name": "/mnt/x/x"}
    assert "https://a.dfs.core.windows.net/c/x" in [one["qualifiedName"] for one in answer["candidates"]]


def test_nothing_found(bare):
    """What has no asset is no failure: no candidate, why, and what was tried."""
    answer = bare("explain", "/mnt/unknown/x", "--json")
    assert (answer.code, answer.json["candidates"]) == (0, [])
    assert answer.json["reason"] == "the storage behind the mount point is not known; tried: dbfs:/mnt/unknown/x"
    assert bare("explain", "/mnt/unknown/x").out.startswith("No candidate\n")


def test_settings_are_used(home):
    """Host, mounts, foreign and shared catalogs and rules of the settings count when there are settings."""
    home.set("""
[purview]
hive_metastore_host = "adb-1.1.azuredatabricks.net"
mounts = "/mnt/x=abfss://c@a.dfs.core.windows.net/"
shared_catalogs = ["Partner_*"]
[purview.foreign_catalogs]
CRM = "postgresql://p.postgres.database.azure.com/crm"
[[purview.rules]]
pattern = "gs://(?P<bucket>[^/]+)/(?P<key>.+)"
type = "my_gcs"
qualified_name = "gcs:{bucket}:{key}"
""")

    def names(text):
        return [one["qualifiedName"] for one in home("explain", text, "--json").json["candidates"]]

    assert names("hive_metastore.d.t")[0] == "d.t@adb-1.1.azuredatabricks.net"
    assert "https://a.dfs.core.windows.net/c/y" in names("/mnt/x/y")
    assert names("crm.public.t")[0] == "postgresql://p.postgres.database.azure.com/crm/public/t"
    assert names("gs://b/k")[0] == "gcs:b:k"
    assert "shared by another metastore" in home("explain", "partner_a.s.t", "--json").json["reason"]


@pytest.mark.parametrize(
    "text",
    [
        'mounts = "nonsense"',
        "mounts = 3",
        'foreign_catalogs = { a = "ftp://h" }',
        'foreign_catalogs = { a = "mssql://u:hunter2@h;database=d" }',
        'rules = [{ pattern = "(", type = "t", qualified_name = "x" }]',
        'rules = [{ pattern = "a", type = "t", qualified_name = "{b}" }]',
        'rules = [{ pattern = "a", type = "a b", qualified_name = "x" }]',
        'rules = [{ pattern = "a", type = "t" }]',
    ],
)
def test_wrong_settings(home, text):
    """Settings of naming that cannot be applied are refused before anything is done, without showing a password."""
    home.set(f"[purview]\n{text}\n")
    answer = home("explain", "a.b.c")
    assert (answer.code, answer.out) == (2, "")
    assert "purview." in answer.err
    assert "hunter2" not in answer.err


@pytest.mark.parametrize("arguments", [(), ("-",), ("--json",)])
def test_lines(piped, arguments):
    """Each line of standard input is answered by one line, in order, whichever way it names its dataset."""
    asked = [
        {"name": "main.default.t", "metastore": "m-1"},
        {"path": ADLS},
        {"namespace": "dbfs", "name": "/mnt/x/y", "mounts": [{"mountPoint": "/mnt/x", "source": "s3://b/"}]},
        {"path": "/mnt/x/y", "mounts": "/mnt/x=s3://b/"},
        {"name": "hive_metastore.d.t", "hive_metastore_host": "h", "more": 1},
        {"path": f"{ADLS}/__unitystorage/tables/1/part-0000", "table": "c.s.t", "metastore": "m"},
    ]
    answer, lines = piped("\ufeff" + "\n\n".join(map(json.dumps, asked)), *arguments)
    assert (answer.code, answer.err) == (0, "")
    assert [line["input"] for line in lines] == asked
    assert all(list(line) == KEYS and line["match"] is None and line["candidates"] for line in lines)
    assert lines[2]["candidates"] == lines[3]["candidates"]
    assert lines[4]["candidates"][0]["qualifiedName"] == "d.t@h"
    assert lines[5]["candidates"][0]["qualifiedName"] == "databricks://m/catalogs/c/schemas/s/tables/t"


def test_bad_lines(piped):
    """A line that is no question is named with its number; every other line is answered; the code is 2."""
    bad = [b"nope", b"[1]", b"{}", b'{"name": 1}', b'{"name": "a", "path": "b"}', b'{"namespace": "dbfs"}', b'{"path": "a", "mounts": "x"}', b'{"path": "\xff"}']  # fmt: skip
    good = json.dumps({"path": ADLS}).encode()
    answer, lines = piped(b"\n".join([good, *bad, good]))
    assert answer.code == 2
    assert len(lines) == len(bad) + 2
    assert lines[0] == lines[-1]
    for number, line in enumerate(lines[1:-1], start=2):
        assert line["candidates"] == []
        assert line["reason"].startswith(f"line {number}: ")
        assert f"error: line {number}: " in answer.err
    assert "mend:" in answer.err


def test_no_line(piped):
    """An empty input is answered by nothing."""
    answer, lines = piped("\n")
    assert (answer.code, lines, answer.err) == (0, [], "")


@pytest.mark.parametrize(
    "arguments",
    [("a.b.c", "--openlineage", "dbfs", "/x"), ("a.b.c", "--mounts", "nonsense"), ("--openlineage", "dbfs")],
)
def test_bad_usage(bare, arguments):
    """Two questions, mount points that are none, and half a name end with code 2."""
    answer = bare("explain", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")


def test_bytes_that_are_no_text(bare):
    """A file name of any bytes is explained too."""
    assert bare("explain", "--json", "s3://b/\udcff").json["candidates"]


@pytest.fixture
def atlas():
    """A catalog that answers."""
    with answering() as catalog:
        yield catalog


def connect(home, endpoint, more=""):
    home.set(f'[purview]\nsink = "purview"\nendpoint = "{endpoint}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n{more}')


def test_the_match(home, atlas, monkeypatch):
    """With an account in the settings the match is the candidate that it holds, also for lines of standard input."""
    connect(home, atlas.endpoint)
    table = "databricks://m-1/catalogs/main/schemas/s/tables/t"
    atlas.scanned("databricks_table", table)
    answer = home("explain", "main.s.t", "--metastore", "m-1", "--json")
    assert list(answer.json) == KEYS
    assert answer.json["match"] == {
        "typeName": "databricks_table",
        "qualifiedName": table,
        "rule": "unity catalog table",
    }
    assert answer.json["reason"] == "found in Purview by: unity catalog table"
    assert f"match:  databricks_table {table}\n" in home("explain", "main.s.t", "--metastore", "m-1").out
    lines = '{"name": "main.s.t", "metastore": "m-1"}\n{"name": "main.s.u", "metastore": "m-1"}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode()), encoding="utf-8"))
    one, two = [json.loads(line) for line in home("explain").out.splitlines()]
    assert one["match"] == answer.json["match"]
    assert (two["match"], two["reason"]) == (None, "Purview has no asset of any of its names")


def test_a_catalog_that_cannot_be_asked(home, atlas):
    """A catalog that refuses hinders no explanation: there is no match, and the reason says why."""
    connect(home, atlas.endpoint)
    atlas.authorization = "else"
    answer = home("explain", "main.s.t", "--metastore", "m-1", "--json")
    assert answer.code == 0
    assert (answer.json["match"], len(answer.json["candidates"])) == (None, 2)
    assert answer.json["reason"].startswith("not looked up: Purview refused with 401")
