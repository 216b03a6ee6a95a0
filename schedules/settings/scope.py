"""`include` and `exclude`: what is mined, under `[mining]` for every source and under `[sources.NAME]` for one."""

from pydantic import BaseModel

from miner.scope import DEFAULT, Globs, lowered
from schedules.settings.declared import (
    CATALOGS,
    GLOBS,
    SCHEMAS,
    TABLES,
    CatalogGlobs,
    GlobList,
    SchemaGlobs,
    Section,
    TableGlobs,
    setting,
)


class Include(Section):
    """`[mining.include]`: what is mined; an empty list includes everything."""

    catalogs: CatalogGlobs = setting((), CATALOGS, "catalogs whose tables are mined; [] mines all")
    schemas: SchemaGlobs = setting((), SCHEMAS, "schemas whose tables are mined; [] mines all")
    tables: TableGlobs = setting((), TABLES, "tables that are mined; [] mines all")
    paths: GlobList = setting((), GLOBS, "paths that are mined; upper and lower case differ; [] mines all")
    workspaces: GlobList = setting((), GLOBS, "workspace ids that are mined; [] mines all")
    process_kinds: GlobList = setting((), GLOBS, "kinds of process that are mined; [] mines all")


class Exclude(Section):
    """`[mining.exclude]`: what is left out when mining. A list given here replaces the default one."""

    catalogs: CatalogGlobs = setting(DEFAULT.catalogs, CATALOGS, "catalogs whose tables are left out")
    schemas: SchemaGlobs = setting(
        DEFAULT.schemas, SCHEMAS, "schemas whose tables are left out, in any catalog unless it is named"
    )
    tables: TableGlobs = setting(
        DEFAULT.tables, TABLES, "tables left out by their last name part, or by all three where dots are"
    )
    paths: GlobList = setting(DEFAULT.paths, GLOBS, "paths left out; upper and lower case differ")
    workspaces: GlobList = setting(DEFAULT.workspaces, GLOBS, "workspace ids left out")
    process_kinds: GlobList = setting(DEFAULT.process_kinds, GLOBS, "kinds of process left out")


class SourceGlobs(Section):
    """`[sources.NAME.include]` and `[sources.NAME.exclude]`: a list given here stands in for that under `[mining]`."""

    catalogs: CatalogGlobs | None = setting(None, CATALOGS, "in place of catalogs under [mining]; unset: those")
    schemas: SchemaGlobs | None = setting(None, SCHEMAS, "in place of schemas under [mining]; unset: those")
    tables: TableGlobs | None = setting(None, TABLES, "in place of tables under [mining]; unset: those")
    paths: GlobList | None = setting(None, GLOBS, "in place of paths under [mining]; unset: those")
    workspaces: GlobList | None = setting(None, GLOBS, "in place of workspaces under [mining]; unset: those")
    process_kinds: GlobList | None = setting(None, GLOBS, "in place of process_kinds under [mining]; unset: those")


def globs(*sections: BaseModel) -> Globs:
    """Give what mining compares with, the lists of a later section in place of an earlier one's.

    Names are compared folded, so their globs are folded here.
    """
    given: dict[str, tuple[str, ...]] = {}
    for section in sections:
        given |= section.model_dump(exclude_none=True)
    return Globs(**{part: found if part == "paths" else _folded(found) for part, found in given.items()})


def _folded(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(lowered(glob) for glob in found)
