"""Which GRANT lets a principal read a table."""

from collections.abc import Sequence

from queries.warehouse import name_parts


def quoted(*parts: str) -> str:
    """A name of one or more parts as `IDENTIFIER` takes it, every part in backticks."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def grants(table: str, principal: str) -> tuple[str, str, str]:
    """The three statements that let a principal read one table.

    https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges
    """
    catalog, schema, name = name_parts(table)
    to = quoted(principal) if principal else "`PRINCIPAL`"
    return (
        f"GRANT USE CATALOG ON CATALOG {quoted(catalog)} TO {to}",
        f"GRANT USE SCHEMA ON SCHEMA {quoted(catalog, schema)} TO {to}",
        f"GRANT SELECT ON TABLE {quoted(catalog, schema, name)} TO {to}",
    )


def readable(tables: Sequence[str], principal: str) -> str:
    """What to do about tables that cannot be seen or read; each statement once."""
    statements = dict.fromkeys(grant for table in tables for grant in grants(table, principal))
    advice = f"let an administrator run: {'; '.join(statements)}"
    parts = [name_parts(table) for table in tables]
    schemas = list(dict.fromkeys(f"system.{schema}" for catalog, schema, _ in parts if catalog == "system"))
    if not schemas:
        return advice
    word = "schemas" if len(schemas) > 1 else "schema"
    return f"{advice}. The {word} {' and '.join(schemas)} must also be enabled for the metastore"
