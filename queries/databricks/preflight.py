"""What can be told of a SQL warehouse before its tables: network, sign-in, state, clock, principal, region, schemas."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.errors.base import DatabricksError

from miner.checks import Check, Found, failed, passed, skipped
from miner.errors import SignInError, SourceError
from miner.scope import lowered
from queries.databricks.client import client, words
from queries.databricks.warehouse import DatabricksWarehouse
from queries.preflight.looks import Looks
from queries.preflight.network import reach
from queries.system_tables import ALWAYS_THERE, NO_TABLE, OPTIONAL_TABLES
from queries.warehouse import name_parts

MOST_SKEW = timedelta(minutes=5)
"""Tokens are refused, and days end at the wrong hour, where clocks differ by more."""

SYSTEM = "system"

_WAREHOUSE = re.compile(r"/?sql/1\.0/(?:warehouses|endpoints)/([\w-]+)")


def checks_of(looks: Looks, prefix: str, now: Callable[[], datetime]) -> Iterator[Check]:
    """The checks of the SQL warehouse behind a source; tables need the one called `warehouse`."""
    if not isinstance(looks.reader.warehouse, DatabricksWarehouse):
        raise TypeError(f"{prefix} is read from no SQL warehouse")
    return WarehouseChecks(looks.reader.warehouse, looks, prefix, now).all()


@dataclass(frozen=True, slots=True)
class WarehouseChecks:
    """The checks of the warehouse behind one source. `now` gives the UTC time, `seconds` a clock to measure with."""

    warehouse: DatabricksWarehouse
    looks: Looks
    prefix: str
    now: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic

    def all(self) -> Iterator[Check]:
        """Each needs the one before it, up to the warehouse."""
        network, sign_in, state = (f"{self.prefix}.{name}" for name in ("network", "sign_in", "warehouse"))
        yield Check(network, partial(reach, self._address))
        yield Check(sign_in, self._sign_in, (network,))
        yield Check(state, self._state, (sign_in,))
        for name, look in (
            ("clock", self._clock),
            ("principal", self._principal),
            ("region", self._region),
            ("schemas", self._schemas),
        ):
            yield Check(f"{self.prefix}.{name}", look, (state,))

    @property
    def _address(self) -> str:
        options = self.warehouse.options
        return options.address or f"https://{options.server}"

    def _sign_in(self) -> Found:
        """A token, and the workspace's word that it knows whose that is."""
        identity, server = self.warehouse.identity, self.warehouse.options.server
        identity.headers()
        way = identity.sign_in.auth
        try:
            me = self._client.current_user.me()
        except (Unauthenticated, PermissionDenied) as error:
            raise SignInError(
                f"{server} does not accept the sign-in by {way}: {words(error, self.warehouse.identity)}",
                mend="check auth and its token or secret, and whether the workspace lets this address in",
            ) from None
        except (DatabricksError, ValueError, OSError):
            return passed(f"there is a token by {way}; whose it is, the workspace does not tell")
        return passed(f"{server} knows {me.user_name or me.display_name} by {way}")

    def _state(self) -> Found:
        """The state as the workspace tells it, and a statement, which starts a warehouse that is stopped."""
        told = self._told_by_workspace()
        begun = self.seconds()
        self.looks.clock()
        return passed(f"{told}; a statement was answered in {self.seconds() - begun:.1f} s")

    def _told_by_workspace(self) -> str:
        number = _WAREHOUSE.match(self.warehouse.options.http_path)
        if number is None:
            return "the HTTP path names no warehouse"
        try:
            found = self._client.warehouses.get(number[1])
        except PermissionDenied:
            return f"the state of warehouse {number[1]} may not be seen"
        except NotFound:
            raise SourceError(
                f"there is no warehouse {number[1]} at {self.warehouse.options.server}",
                mend="check host and warehouse_id (or http_path) of the source",
            ) from None
        except (DatabricksError, ValueError, OSError) as error:
            return f"the state of warehouse {number[1]} is not told ({words(error, self.warehouse.identity)})"
        size = " ".join(filter(None, [getattr(found.warehouse_type, "value", ""), found.cluster_size]))
        return f"warehouse {found.name} ({size}) is {getattr(found.state, 'value', 'in a state not told')}"

    @property
    def _client(self) -> WorkspaceClient:
        """A client that asks once and does not wait long: the statement that follows tells more."""
        return client(self.warehouse.options.host, self.warehouse.identity)

    def _clock(self) -> Found:
        before = self.now()
        theirs = self.looks.clock()
        skew = theirs - (before + (self.now() - before) / 2)
        told = f"this machine's clock differs by {abs(skew).total_seconds():.0f} s from the warehouse's"
        if abs(skew) > MOST_SKEW:
            return failed(told, "set this machine's clock by NTP: days begin and tokens end by it")
        return passed(told)

    def _principal(self) -> Found:
        principal, configured = self.looks.principal(), self.warehouse.options.principal
        told = f"the warehouse takes the miner for {principal}"
        mend = f'set principal = "{principal}" in [{self.prefix}], else the miner\'s own reads count as usage'
        if not configured:
            return passed(f"{told}, the settings name nobody", mend)
        if lowered(configured) != lowered(principal):
            return failed(f"{told}, the settings name {configured}", mend)
        return passed(told)

    def _region(self) -> Found:
        """Lineage is of one region: that of the workspace that asks."""
        try:
            cloud, region, metastore = self.looks.metastore().split(":", 2)
        except (SourceError, ValueError):
            return skipped("the warehouse does not tell its metastore's region")
        return passed(f"{region} ({cloud}), metastore {metastore}; other regions need sources of their own")

    def _schemas(self) -> Found:
        wanted = dict(self._system_schemas())
        if not wanted:
            return skipped("no table of the catalog system is read")
        try:
            visible = self.looks.visible_schemas(SYSTEM)
        except SourceError as error:
            return skipped(f"which schemas are enabled is not told: {error.message}")
        if visible is None:
            return skipped("which schemas are enabled is not told: system.information_schema may not be read")
        missing = [schema for schema in wanted if schema not in visible]
        if not missing:
            return passed(f"system.{', system.'.join(wanted)} may be used")
        told = f"system.{', system.'.join(missing)} may not be used: not enabled, or without USE SCHEMA"
        mend = f"an account admin runs: {_enabling(missing)}; then run what uc-miner grants prints"
        return failed(told, mend) if any(wanted[schema] for schema in missing) else skipped(told, mend)

    def _system_schemas(self) -> Iterator[tuple[str, bool]]:
        """Schemas of the catalog system that are read, and whether a run needs them; a needed one comes last."""
        tables = [
            (role, name)
            for role, name in self.looks.reader.tables.items()
            if name != NO_TABLE and role not in ALWAYS_THERE
        ]
        for role, name in sorted(tables, key=lambda one: one[0] not in OPTIONAL_TABLES):
            catalog, schema, _ = name_parts(name)
            if catalog.lower() == SYSTEM:
                yield schema.lower(), role not in OPTIONAL_TABLES


def _enabling(schemas: Iterable[str]) -> str:
    return "; ".join(f"databricks system-schemas enable METASTORE_ID {schema}" for schema in schemas)
