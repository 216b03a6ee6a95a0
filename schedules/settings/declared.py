"""What the sections of the settings are declared with: a setting's default, what it must be, what it means."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from schedules.settings import checks

GLOBS = 'a list of globs with * and ?, such as ["dev_*"]; [] for none'
CATALOGS = 'a list of globs with * and ?, such as ["dev_*"], without a dot; [] for none'
SCHEMAS = 'a list of globs with * and ?, such as ["tmp_*", "dev.sales_*"]; [] for none'
TABLES = 'a list of globs with * and ?, such as ["log_*", "dev.*.orders_?"]; [] for none'
NAME = "a letter, then letters, digits and _"
THREE_PARTS = "catalog.schema.table, each part of letters, digits, _ and -, or between backticks"

Whole = Annotated[int, BeforeValidator(checks.no_boolean)]
Glob = Annotated[str, AfterValidator(checks.glob)]
GlobList = Annotated[tuple[Glob, ...], BeforeValidator(checks.items)]
CatalogGlobs = Annotated[tuple[Annotated[Glob, AfterValidator(checks.parts(1))], ...], BeforeValidator(checks.items)]
SchemaGlobs = Annotated[tuple[Annotated[Glob, AfterValidator(checks.parts(1, 2))], ...], BeforeValidator(checks.items)]
TableGlobs = Annotated[tuple[Annotated[Glob, AfterValidator(checks.parts(1, 3))], ...], BeforeValidator(checks.items)]
TableName = Annotated[str, AfterValidator(checks.table_name)]
AtlasName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]


def setting(default: object, must_be: str, meaning: str, **limits: Any) -> Any:
    """Declare one setting."""
    return Field(default, description=meaning, json_schema_extra={"must_be": must_be}, **limits)


def whole(default: int | None, low: int, high: int, meaning: str) -> Any:
    """Declare a whole number between two others."""
    return setting(default, f"a whole number from {low} to {high}", meaning, ge=low, le=high)


def section(model: type[BaseModel], meaning: str) -> Any:
    """Declare a table of settings."""
    return Field(default_factory=model, description=meaning, json_schema_extra={"must_be": "a table"})


class Section(BaseModel):
    """One TOML table. Settings do not change once read, and a key nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
