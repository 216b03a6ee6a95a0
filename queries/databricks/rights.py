"""Which GRANT lets a principal read a table."""

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


def readable(table: str, principal: str) -> str:
    """What to do about a table that cannot be seen or read."""
    advice = f"let an administrator run: {'; '.join(grants(table, principal))}"
    catalog, schema, _ = name_parts(table)
    if catalog == "system":
        return f"{advice}. The schema system.{schema} must also be enabled for the metastore"
    return advice
