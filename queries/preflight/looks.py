"""Looks at one source through its own reader: bounded, and each made once."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

import pyarrow as pa

from miner import schemas
from miner.errors import SourceError
from miner.ports import QUERY_HISTORY, TABLE_LINEAGE, Span
from miner.visible import ByDay, Shown, by_day, first_shown
from queries import statements
from queries.documented import INFORMATION_SCHEMA_SCHEMATA
from queries.system_tables import SystemTableReader, cast

RECENT_DAYS = 7
"""Whole days before today that the looks at rows take in, and today."""

NO_TAG = ("", "")
"""No statement carries a tag without a name."""

SCHEMATA = "system.information_schema.schemata"

MIX = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("process_kind", pa.string()),
        ("rows", pa.int64()),
        ("with_statement", pa.int64()),
        ("by_path", pa.int64()),
        ("untold_access", pa.int64()),
        ("outside", pa.int64()),
        ("last_event", schemas.INSTANT),
    ]
)
"""What lineage events are made of; see lineage_mix.sql."""

HISTORY_MIX = pa.schema(
    [
        ("rows", pa.int64()),
        ("redacted", pa.int64()),
        ("untexted", pa.int64()),
        ("own", pa.int64()),
        ("tagged", pa.int64()),
        ("last_event", schemas.INSTANT),
    ]
)
"""What the query history shows; see history_mix.sql."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Lineage events of the recent days, summed."""

    rows: int
    with_statement: int
    by_path: int
    untold_access: int
    outside: int
    kinds: Counter[str]
    metastores: tuple[str, ...]
    last_event: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryMix:
    """Statements of the recent days, counted."""

    rows: int
    redacted: int
    untexted: int
    own: int
    tagged: int
    last_event: datetime | None


class Looks:
    """Everything a preflight asks of one source; raises SourceError.

    `start` is the first day to mine, `today` the UTC day, `tag` the name and value of one query tag of the miner's
    statements, `known` what the ledger knows of the source's rows.
    """

    def __init__(
        self,
        reader: SystemTableReader,
        *,
        start: date,
        today: date,
        tag: tuple[str, str] = NO_TAG,
        known: Callable[[], ByDay] = dict,
    ) -> None:
        self.reader = reader
        self.tag = tag
        self.known = known
        self.start = start
        self.today = today
        self._spans: dict[str, Span] = {}

    def read(self, role: str) -> None:
        """Ask a table for nothing, to see whether it may be read."""
        self._table("readable", {}, {"any_table": role}, _ONE)

    def there(self, role: str) -> bool:
        """Whether a table is configured, there, and may be read: why not is told by its own check."""
        try:
            return role in self.reader.tables and self.reader.fields(role) is not None
        except SourceError:
            return False

    def span(self, role: str) -> Span:
        """First and last day of a lineage table."""
        if role not in self._spans:
            self._spans[role] = self.reader.span(role)
        return self._spans[role]

    @cached_property
    def mix(self) -> Mix:
        """What the lineage events of the recent days are made of."""
        rows = self._table("lineage_mix", self._recent_days, {TABLE_LINEAGE: TABLE_LINEAGE}, MIX).to_pylist()
        kinds: Counter[str] = Counter()
        for row in rows:
            kinds[row["process_kind"]] += row["rows"]
        return Mix(
            rows=kinds.total(),
            with_statement=sum(row["with_statement"] for row in rows),
            by_path=sum(row["by_path"] for row in rows),
            untold_access=sum(row["untold_access"] for row in rows),
            outside=sum(row["outside"] for row in rows),
            kinds=kinds,
            metastores=tuple(sorted({row["metastore_id"] or "" for row in rows})),
            last_event=max((row["last_event"] for row in rows if row["last_event"]), default=None),
        )

    @cached_property
    def history(self) -> HistoryMix:
        """What the query history of the recent days shows."""
        bounds = self._instants(self.today - timedelta(days=RECENT_DAYS))
        values = {**bounds, "tag_name": self.tag[0], "tag_value": self.tag[1]}
        (row,) = self._table("history_mix", values, {QUERY_HISTORY: QUERY_HISTORY}, HISTORY_MIX).to_pylist()
        return HistoryMix(**row)

    @cached_property
    def first_direct(self) -> date | None:
        """The first day, from the first one to mine on, that tells direct access from access through a view."""
        roles = {TABLE_LINEAGE: TABLE_LINEAGE}
        days = {"first_day": self.start, "last_day": self.today}
        found = self._table("first_direct_access", days, roles, _FIRST)
        first: date | None = found["first"][0].as_py()
        return first

    def shown(self, role: str) -> Shown | None:
        """Rows of a table by day and workspace in the last SHOWN_DAYS and today; None for one that is not there."""
        if not self.there(role):
            return None
        rows = self.reader.shown(role, first_shown(self.today), self.today)
        return None if rows is None else Shown(by_day(rows))

    def most_read(self) -> pa.Table:
        """The tables read most in the recent days (`miner.schemas.MOST_READ`)."""
        found = self._table("most_read", self._recent_days, {TABLE_LINEAGE: TABLE_LINEAGE}, schemas.MOST_READ)
        return found.sort_by(schemas.MOST_READ_FIRST)

    def clock(self) -> datetime:
        """The warehouse's time, in UTC."""
        now: datetime = self._table("clock", {}, {}, _NOW)["now"][0].as_py()
        return now.astimezone(UTC)

    def principal(self) -> str:
        """Who the warehouse takes the miner for."""
        return str(self._table("principal", {}, {}, _PRINCIPAL)["principal"][0])

    def metastore(self) -> str:
        """The warehouse's metastore as `<cloud>:<region>:<id>`; Databricks alone knows it."""
        return str(self._table("metastore", {}, {}, _METASTORE)["metastore"][0])

    def visible_schemas(self, catalog: str) -> Sequence[str] | None:
        """The schemas of a catalog that may be used; None where that cannot be asked."""
        warehouse = self.reader.warehouse
        if warehouse.fields(SCHEMATA, INFORMATION_SCHEMA_SCHEMATA, ()) is None:
            return None
        query = warehouse.prepare(statements.parsed("visible_schemas"), {"schemata": SCHEMATA})
        rows = pa.Table.from_batches(list(warehouse.run(query, {"catalog": catalog.lower()})), _SCHEMA)
        return [str(name) for name in rows["schema"].to_pylist()]

    @property
    def _recent_days(self) -> Mapping[str, object]:
        return {"first_day": self.today - timedelta(days=RECENT_DAYS), "last_day": self.today}

    def _instants(self, first: date) -> Mapping[str, object]:
        end = self.today + timedelta(days=1)
        return {
            name: datetime.combine(day, time(), UTC) for name, day in (("history_from", first), ("history_to", end))
        }

    def _table(self, query: str, values: Mapping[str, object], roles: Mapping[str, str], schema: pa.Schema) -> pa.Table:
        return pa.Table.from_batches(cast(self.reader.ask(query, values, roles), schema), schema=schema)


_ONE = pa.schema([("one", pa.int64())])
_NOW = pa.schema([("now", schemas.INSTANT)])
_FIRST = pa.schema([("first", pa.date32())])
_PRINCIPAL = pa.schema([("principal", pa.string())])
_METASTORE = pa.schema([("metastore", pa.string())])
_SCHEMA = pa.schema([("schema", pa.string())])
