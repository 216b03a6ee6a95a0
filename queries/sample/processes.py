"""What moves data in an estate: processes, the statements they repeat, and the rows each statement leaves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from queries.sample.datasets import Inventory
from queries.sample.labels import texts, uuids
from queries.sample.people import PROD, Principals

READER = -1
"""The principal of a process that a different person runs each time (dashboards, Genie spaces)."""


class Compute(IntEnum):
    """Where a process runs; only the last two have statement ids and a row in query history."""

    CLASSIC = 0
    WAREHOUSE = 1
    SERVERLESS = 2


class RunId(IntEnum):
    """What entity_run_id holds: nothing, the statement's id, a number per command or per job run, an update's UUID."""

    NONE = 0
    STATEMENT = 1
    COMMAND = 2
    JOB_RUN = 3
    UPDATE = 4


class Family(IntEnum):
    """Processes drawn together from one share of the day's rows."""

    JOB = 0
    INGESTION = 1
    PIPELINE = 2
    DBT = 3
    ONE_TIME = 4
    DASHBOARD = 5
    LEGACY_DASHBOARD = 6
    QUERY = 7
    AD_HOC = 8
    NOTEBOOK = 9
    PATH = 10
    GENIE = 11
    ALERT = 12
    SERVING = 13
    MINER = 14
    SYSTEM = 15
    WRITE_ONLY = 16
    NIGHT = 17
    ODD = 18


SHARES = {
    Family.JOB: 0.37,
    Family.INGESTION: 0.10,
    Family.PIPELINE: 0.14,
    Family.DBT: 0.012,
    Family.ONE_TIME: 0.06,
    Family.DASHBOARD: 0.055,
    Family.LEGACY_DASHBOARD: 0.005,
    Family.QUERY: 0.012,
    Family.AD_HOC: 0.012,
    Family.NOTEBOOK: 0.23,
    Family.PATH: 0.05,
    Family.GENIE: 0.006,
    Family.ALERT: 0.005,
    Family.SERVING: 0.004,
    Family.MINER: 0.002,
    Family.SYSTEM: 0.003,
    Family.WRITE_ONLY: 0.007,
    Family.NIGHT: 0.005,
    Family.ODD: 0.012,
}
"""Each family's part of a day's table_lineage rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One lineage row a statement leaves; -1 for an end that is NULL.

    `in_tables` false: only column_lineage has it. `columns` false: only table_lineage has it.
    """

    source: int
    target: int
    direct: bool = True
    in_tables: bool = True
    columns: bool = True


@dataclass(frozen=True, slots=True)
class Recipe:
    """A statement a process repeats, with the rows it always leaves."""

    rows: tuple[Row, ...]
    type: str = "SELECT"
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """The ids lineage rows carry for a process: entity_type, entity_id and the fields of entity_metadata."""

    type: str | None = None
    id: str | None = None
    run_id: RunId = RunId.NONE
    job_id: str | None = None
    dashboard_id: str | None = None
    legacy_dashboard_id: str | None = None
    notebook_id: str | None = None
    sql_query_id: str | None = None
    pipeline_id: str | None = None
    genie_space_id: str | None = None
    alert_id: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `weight` is how often it runs beside its family, `hour` when (UTC), negative for office hours.

    `active` is the part of the estate's days it lives in. A run type makes its runs rows of job_run_timeline;
    `run_name` may hold {guid} and {dashed}. One-time runs (`fresh_job`) have a job id of their own every time.
    """

    family: Family
    entity: Entity
    principal: int
    recipes: tuple[Recipe, ...]
    workspace: int = PROD
    compute: Compute = Compute.CLASSIC
    weight: float = 1.0
    hour: float = -1.0
    active: tuple[float, float] = (0.0, 1.0)
    name: str | None = None
    client: str | None = None
    run_type: str | None = None
    run_name: str | None = None
    fresh_job: bool = False


@dataclass(slots=True)
class Draft:
    """An estate being drawn up: its datasets, its people, and the processes so far."""

    inventory: Inventory
    principals: Principals
    processes: list[Process] = field(default_factory=list)
    _numbers: int = 0
    _uuids: list[str] = field(default_factory=list)

    def number(self) -> str:
        """A fresh numeric id, as jobs and notebooks have."""
        self._numbers += 1
        return str(100_000_000_000_000 + self._numbers * 7_368_787)

    def uuid(self) -> str:
        """A fresh UUID, as queries, pipelines and alerts have."""
        if not self._uuids:
            self._uuids = texts(uuids(1_000, self.inventory.rng))
        return self._uuids.pop()

    def hex32(self) -> str:
        """A fresh id of 32 hex digits, as dashboards and Genie spaces have."""
        return self.uuid().replace("-", "")

    def add(self, process: Process) -> None:
        self.processes.append(process)

    def chance(self, share: float) -> bool:
        return bool(self.inventory.rng.random() < share)

    def several(self, most: int) -> int:
        """A number from 1 to `most`."""
        return int(self.inventory.rng.integers(1, most + 1))

    def reads(self, sources: Iterable[int], target: int = -1) -> tuple[Row, ...]:
        """Rows for reading `sources` into `target`; what lies beneath a view is read indirectly, and only once."""
        direct = tuple(dict.fromkeys(sources))
        beneath = dict.fromkeys(base for source in direct for base in self.inventory.beneath(source))
        return (
            *(Row(source, target) for source in direct),
            *(Row(base, target, direct=False) for base in beneath if base not in direct),
        )

    def merge(self, sources: Sequence[int], target: int) -> Recipe:
        """A MERGE: it reads its own target too, which lineage records as a row of the table to itself."""
        return Recipe((*self.reads(sources, target), Row(target, target)), "MERGE")

    def insert(self, sources: Sequence[int], target: int, kind: str = "INSERT") -> Recipe:
        return Recipe(self.reads(sources, target), kind)

    def select(self, *sources: int) -> Recipe:
        return Recipe(self.reads(sources))


def tagged(recipe: Recipe, **tags: str) -> Recipe:
    """The same statement with query tags whose names start with @@, as dbt sends them."""
    return replace(recipe, tags=tuple((f"@@{name}", value) for name, value in tags.items()))
