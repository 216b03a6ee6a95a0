"""What naming has to be told beside the dataset: settings, and what the caller knows of the estate."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from sinks.purview.naming.locations import located
from sinks.purview.naming.rules import Rule


@dataclass(frozen=True, slots=True)
class Context:
    """Settings of naming.

    `hive_metastore_host` is the text after `@` in the names of `hive_metastore` tables: the workspace's host, or the
    SQL server's when the metastore is external. `mounts` are sources by mount point (see `mounts.read`).
    `foreign_catalogs` are the addresses of source systems by catalog, as OpenLineage writes namespaces.
    `shared_catalogs` are globs of catalogs that another metastore shares. `tables` are tables by storage location, as
    `located(path).plain`; `knowing` makes them.
    """

    hive_metastore_host: str = ""
    mounts: Mapping[str, str] = field(default_factory=dict)
    foreign_catalogs: Mapping[str, str] = field(default_factory=dict)
    shared_catalogs: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)

    def knowing(self, tables: Mapping[str, str]) -> "Context":
        """The same, knowing which tables (`catalog.schema.table`) are at which storage locations."""
        return replace(self, tables={located(path).plain: table for path, table in tables.items()})

    def shares(self, catalog: str) -> bool:
        """True when another metastore shares the catalog."""
        return any(fnmatchcase(catalog, glob) for glob in self.shared_catalogs)


NOTHING = Context()
"""Neither settings nor knowledge."""
