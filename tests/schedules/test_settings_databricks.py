import textwrap

import pytest
from pydantic import SecretStr

from miner.errors import SettingsError
from schedules.settings import load
from schedules.settings.sources import NEEDED, DatabricksSource

HOST = 'host = "adb-1.2.azuredatabricks.net"\nwarehouse_id = "abc123"\n'


@pytest.fixture
def source(tmp_path):
    """The source of a settings file that holds these lines."""

    def read(lines: str, env=None) -> DatabricksSource:
        file = tmp_path / "uc-miner.toml"
        file.write_text('[sources.prod]\nkind = "databricks"\n' + textwrap.dedent(lines))
        return load(file, env or {}).sources["prod"]

    return read


@pytest.fixture
def problems(source, tmp_path):
    """What is wrong with a source that holds these lines, without the name of the file."""

    def told(lines: str, env=None) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            source(lines, env)
        found = caught.value.message.replace(f"{tmp_path}/uc-miner.toml: sources.prod.", "")
        return [line.strip() for line in found.splitlines()[1:]]

    return told


def test_four_lines_are_enough(source):
    """Kind, host, warehouse and token; everything else has a default."""
    given = source(HOST + 'token = "dapi-1"')
    assert (given.auth, given.host, given.warehouse_id) == ("pat", "adb-1.2.azuredatabricks.net", "abc123")
    assert given.token == SecretStr("dapi-1")
    assert given.query_tags == {"application": "uc-lineage-miner"}
    assert "dapi-1" not in repr(given)


def test_the_token_comes_from_the_environment(source):
    """A secret need not stand in the file."""
    assert source(HOST, {"UC_MINER__SOURCES__PROD__TOKEN": "dapi-1"}).token == SecretStr("dapi-1")


def test_what_is_missing_is_named_at_once(problems):
    """Host, warehouse and token are asked for together."""
    assert [line.split(";")[0] for line in problems("")] == [
        "host is missing",
        "http_path is missing",
        "token is missing",
    ]


@pytest.mark.parametrize(("auth", "needed"), NEEDED.items())
def test_each_sign_in_names_what_it_needs(problems, source, auth, needed):
    """Each way to sign in asks for its own keys, and only for these."""
    lines = HOST + f'auth = "{auth}"'
    if not needed:
        assert source(lines).auth == auth
        return
    assert sorted(line.split(" is missing; ")[0] for line in problems(lines)) == sorted(needed)
    assert all(f'auth = "{auth}" needs it' in line for line in problems(lines))


def test_a_secret_in_a_file(source, problems, tmp_path):
    """A file can hold the token; both, or a file that is not there, are mistakes."""
    (tmp_path / "token").write_text("dapi-1\n")
    assert source(HOST + 'token_file = "token"').token_file == tmp_path / "token"
    (line,) = problems(HOST + 'token_file = "token"\ntoken = "dapi-1"')
    assert line.startswith("token = *** is given beside token_file")
    (line,) = problems(HOST + 'token_file = "gone"')
    assert line.startswith('token_file = "***" does not exist (looked for ')


def test_a_secret_in_a_vault(source, problems):
    """A reference names a secret of a Key Vault, in any Azure cloud; what does not is shown to nobody."""
    for suffix in ("azure.net", "usgovcloudapi.net", "azure.cn"):
        assert source(HOST + f'token = "keyvault:https://v.vault.{suffix}/secrets/dbx"').token
    (line,) = problems(HOST + 'token = "keyvault:https://elsewhere.example/secrets/dbx"')
    assert line.startswith("token = *** names no secret of a Key Vault")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('http_path = "/sql/1.0/warehouses/x"', 'http_path = "/sql/1.0/warehouses/x" is given beside warehouse_id'),
        ('auth = "browser"', 'auth = "browser" must be one of'),
        ('connection_uri = "http://proxy.example/x"', 'connection_uri = "http://proxy.example/x" would send'),
        ("request_wait = 2", "request_wait = 2 must be a whole number from 5 to 300"),
        ('query_tags = {team = ""}', "query_tags holds a name or value"),
        ('cloud = "germany"', 'cloud = "germany" must be'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(problems, lines, told):
    """Each wrong value is named with what is allowed."""
    (line,) = problems(HOST + 'token = "dapi-1"\n' + lines)
    assert line.startswith(told)


@pytest.mark.parametrize(
    "host", ["https://adb-1.2.azuredatabricks.net", "http://127.0.0.1:8080", "dbc-1.cloud.example"]
)
def test_hosts(source, host):
    """A host may be written as a name or as an address."""
    assert source(f'host = "{host}"\nwarehouse_id = "a"\ntoken = "t"').host == host


@pytest.mark.parametrize("host", ["http://elsewhere.example", "a b", "https://x.example/path", "user@x.example", ""])
def test_no_hosts(problems, host):
    """What would send the token unprotected, or elsewhere, is refused."""
    (line,) = problems(f'host = "{host}"\nwarehouse_id = "a"\ntoken = "t"')
    assert line.startswith("host")
