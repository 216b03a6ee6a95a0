"""The checks of one source that every kind of warehouse answers: tables, columns, days, rows, history."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from miner.checks import Check, Found, passed, skipped
from miner.errors import SchemaDriftError
from miner.ports import QUERY_HISTORY, TABLE_LINEAGE
from queries.preflight import days, history, lineage, names
from queries.preflight.looks import Looks
from queries.system_tables import KNOWN_TABLES, NAME_TABLES, NO_TABLE


@dataclass(frozen=True, slots=True)
class SourceChecks:
    """The checks of one source. `prefix` begins their names, `ready` names those that all of them need.

    `now` gives the UTC time.
    """

    looks: Looks
    prefix: str
    ready: tuple[str, ...]
    now: Callable[[], datetime]

    def all(self) -> Iterator[Check]:
        """Tables and columns first, then what their rows tell."""
        for role in self.looks.reader.tables:
            if role in NAME_TABLES:
                continue
            yield Check(f"{self.prefix}.tables.{role}", partial(self._table, role), self.ready)
            yield Check(
                f"{self.prefix}.columns.{role}", partial(self._columns, role), (f"{self.prefix}.tables.{role}",)
            )
        for name, look in (
            ("freshness", partial(days.freshness, self.looks, self.now)),
            ("retention", partial(days.retention, self.looks)),
            ("direct_access", partial(days.direct_access, self.looks)),
            ("scope", partial(days.scope, self.looks)),
            ("events", partial(lineage.events, self.looks)),
        ):
            yield self._about(TABLE_LINEAGE, name, look)
        if NAME_TABLES.keys() & self.looks.reader.tables.keys():
            yield Check(f"{self.prefix}.names", partial(names.names, self.looks), self.ready)
        yield self._about(QUERY_HISTORY, "query_text", partial(history.query_text, self.looks))
        yield self._about(QUERY_HISTORY, "query_tags", partial(history.query_tags, self.looks))

    def _about(self, role: str, name: str, look: Callable[[], Found]) -> Check:
        return Check(f"{self.prefix}.{name}", look, (f"{self.prefix}.columns.{role}",))

    def _table(self, role: str) -> Found:
        reader = self.looks.reader
        name = reader.tables[role]
        try:
            there = reader.fields(role) is not None
        except SchemaDriftError:
            return passed(f"{name} is there")  # what it lacks is told by the check of its columns
        without = reader.without(role)
        if role == QUERY_HISTORY and reader.statements:
            without = f"{without}; no queries are mined"
        if name == NO_TABLE:
            return skipped(f"not to be read: {without}")
        if not there and (refused := reader.refusal(role)):
            return skipped(f"{refused.message}: {without}", refused.mend)
        if not there:
            return skipped(f"{name} is not there: {without}", reader.warehouse.mend(name))
        self.looks.read(role)
        return passed(f"{name} can be read")

    def _columns(self, role: str) -> Found:
        lacking = self.looks.reader.lacking(role)
        count = len(self.looks.reader.wants(role))
        if not lacking:
            return passed(f"all {count} columns and fields that the miner reads are there")
        absent = f"{count - len(lacking)} of {count} are there; taken as not known: {', '.join(lacking)}"
        own = self.looks.reader.tables[role] == KNOWN_TABLES.get(role)
        return passed(absent, "" if own else "a view freezes its columns: create it again, see uc-miner views")
