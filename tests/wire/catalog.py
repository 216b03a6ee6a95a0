"""Which tables an exported estate has, and the information schema that tells of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq


def tables(root: Path) -> Iterator[tuple[str, str, str]]:
    """Full names of the tables on disk."""
    for folder in sorted(root.glob("*/*/*")):
        if folder.is_dir() and any(folder.glob("*.parquet")):
            catalog, schema, name = folder.relative_to(root).parts
            yield catalog, schema, name


def _folder(root: Path, parts: Sequence[str]) -> Path | None:
    lower = [part.lower() for part in parts]
    found = root.joinpath(*lower)
    if found.is_dir():
        return found
    return next((root.joinpath(*name) for name in tables(root) if [part.lower() for part in name] == lower), None)


def relation(root: Path, parts: Sequence[str]) -> str | None:
    """DuckDB's relation of one table; None when there is no such table."""
    folder = _folder(root, parts)
    if folder is not None and any(folder.glob("*.parquet")):
        files = str(folder / "*.parquet").replace("'", "''")
        return f"read_parquet('{files}', union_by_name = true)"
    if parts[1].lower() == "information_schema":
        return _information(root, parts)
    return None


def _information(root: Path, parts: Sequence[str]) -> str | None:
    here = [name for name in tables(root) if parts[0].lower() in ("system", name[0].lower())]
    match parts[2].lower():
        case "catalogs":
            return _values(("catalog_name",), sorted({(name[0],) for name in here}))
        case "schemata":
            return _values(("catalog_name", "schema_name"), sorted({name[:2] for name in here}))
        case "tables":
            columns = ("table_catalog", "table_schema", "table_name", "table_type")
            return _values(columns, [(*name, "MANAGED") for name in here])
        case "columns":
            columns = ("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position")
            return _values(columns, [row for name in here for row in _columns(root, name)])
    return None


def _columns(root: Path, name: tuple[str, str, str]) -> Iterator[tuple[str, str, str, str, str]]:
    file = next(root.joinpath(*name).glob("*.parquet"))
    for place, column in enumerate(pq.read_schema(file).names):
        yield (*name, column, str(place))


def _values(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    told = ", ".join("(" + ", ".join(f"'{_escaped(value)}'" for value in row) + ")" for row in rows)
    nothing = "(" + ", ".join("NULL::VARCHAR" for _ in columns) + ")"
    source = f"(VALUES {told or nothing}) AS v({', '.join(columns)})"
    return source if rows else f"(SELECT * FROM {source} WHERE false)"  # noqa: S608 -- names of our own


def _escaped(text: str) -> str:
    return text.replace("'", "''")
