import re

import pytest

from queries.grants import grants
from queries.system_tables import DEFAULT_TABLES, KNOWN_TABLES, NO_TABLE

PRINCIPAL = "0a1b2c3d-1111-2222-3333-444455556666"


def statements(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("--")]


def test_the_least():
    """USE on each catalog and schema once, SELECT on each table, required tables first; nothing else."""
    to = f"TO `{PRINCIPAL}`;"
    assert statements(grants("prod", DEFAULT_TABLES, PRINCIPAL)) == [
        f"GRANT USE CATALOG ON CATALOG `system` {to}",
        f"GRANT USE SCHEMA ON SCHEMA `system`.`access` {to}",
        f"GRANT SELECT ON TABLE `system`.`access`.`table_lineage` {to}",
        f"GRANT SELECT ON TABLE `system`.`access`.`column_lineage` {to}",
        f"GRANT USE SCHEMA ON SCHEMA `system`.`query` {to}",
        f"GRANT SELECT ON TABLE `system`.`query`.`history` {to}",
        f"GRANT USE SCHEMA ON SCHEMA `system`.`lakeflow` {to}",
        f"GRANT SELECT ON TABLE `system`.`lakeflow`.`job_run_timeline` {to}",
        f"GRANT SELECT ON TABLE `system`.`access`.`audit` {to}",
    ]


def test_its_form():
    """Every line is empty, a comment, or one statement in the form of Databricks' GRANT, names quoted."""
    name = "`(?:[^`]|``)+`"
    securables = (
        rf"USE CATALOG ON CATALOG {name}|USE SCHEMA ON SCHEMA {name}\.{name}|SELECT ON TABLE {name}\.{name}\.{name}"
    )
    form = re.compile(rf"GRANT (?:{securables}) TO {name};")
    for statement in statements(grants("prod", DEFAULT_TABLES, "a`b")):
        assert form.fullmatch(statement), statement


def test_odd_names():
    """Names with blanks and backticks are quoted, a backtick doubled; a line break cannot leave a comment."""
    tables = DEFAULT_TABLES | {"table_lineage": "`my cat`.l.`t``1`", "query_history": NO_TABLE}
    text = grants("prod", tables, "data`eng\nDROP TABLE x")
    assert "GRANT SELECT ON TABLE `my cat`.`l`.`t``1` TO `data``eng\nDROP TABLE x`;" in text
    assert text.splitlines()[0] == "-- [sources.prod]: the least that data`eng DROP TABLE x needs."
    assert "history" not in text


def test_schemas_to_enable():
    """Only schemas of system tables are to be enabled; of a view, whose rights count is told."""
    text = grants("prod", DEFAULT_TABLES, PRINCIPAL)
    assert re.findall("system-schemas enable METASTORE_ID (.+)", text) == ["access", "lakeflow", "query"]
    assert "owner's rights" not in text
    views = grants("prod", {role: f"ops.l.{role}" for role in DEFAULT_TABLES}, PRINCIPAL)
    assert "system-schemas" not in views
    assert "owner's rights" in views


@pytest.mark.parametrize(
    ("principal", "kind"),
    [(PRINCIPAL, "service_principal_name"), ("Ann@x.org", "user_name"), ("data engineers", "group_name")],
)
def test_the_warehouse(principal, kind):
    """CAN_USE on the warehouse is told as a command and as Terraform, for what the principal is."""
    text = grants("prod", DEFAULT_TABLES, principal, "abc123")
    assert (
        f"""update-permissions abc123 --json '{{"access_control_list": [{{"{kind}": "{principal}", "permission_level": "CAN_USE"}}]}}'"""
        in text
    )
    assert f'access_control {{ {kind} = "{principal}", permission_level = "CAN_USE" }}' in text
    assert "WAREHOUSE_ID" in grants("prod", DEFAULT_TABLES, principal)


def test_a_quote_in_a_principal():
    """A single quote does not end the command's argument."""
    assert "d'\\''or@x.org" in grants("prod", DEFAULT_TABLES, "d'or@x.org")


def test_the_same_again():
    """The same settings print the same text."""
    assert grants("prod", DEFAULT_TABLES, PRINCIPAL) == grants("prod", dict(DEFAULT_TABLES), PRINCIPAL)


def test_names_are_optional():
    """The tables of names are granted as optional ones; information_schema needs no grant, but BROWSE on catalogs."""
    text = grants("prod", KNOWN_TABLES, PRINCIPAL)
    assert "-- optional, jobs: the names of jobs\nGRANT SELECT ON TABLE `system`.`lakeflow`.`jobs` TO" in text
    assert "information_schema`" not in text
    assert "--   GRANT BROWSE ON CATALOG `CATALOG` TO" in text
    assert not any("enable METASTORE_ID information_schema" in line for line in text.splitlines())


def test_texts_may_be_masked():
    """Where entities tell what statements say, the grants say who sees it, and that the rest are passed over."""
    text = grants("prod", DEFAULT_TABLES, PRINCIPAL, texts=True)
    assert "databricks_pii_access: entities tell\n-- none of those." in text
    assert "reads no SQL text" not in text
