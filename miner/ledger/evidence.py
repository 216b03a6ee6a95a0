"""What findings rest on beside the figures: what was there before, what is gone, what much hangs on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from sqlalchemy import Connection, text

from miner import days, schemas
from miner.ledger import edges

_SEEN = """
SELECT DISTINCT coalesce(a.to_id, u.dataset_id) FROM (
  SELECT dataset_id FROM usage_day WHERE day < :first UNION SELECT dataset_id FROM usage_month WHERE month < :month
) u
LEFT JOIN temp.dataset_alias a ON a.from_id = u.dataset_id
"""

# A table that the miner's principal may not see is not listed either: only where its schema is listed does that tell.
_NOT_LISTED = """
SELECT d.id FROM dataset d
JOIN (
  SELECT DISTINCT o.metastore_id, o.catalog, o.schema FROM table_form f JOIN dataset o ON o.id = f.dataset_id
) listed ON listed.metastore_id = d.metastore_id AND listed.catalog = d.catalog AND listed.schema = d.schema
WHERE d.name IS NOT NULL AND NOT EXISTS (SELECT 1 FROM table_form f WHERE f.dataset_id = d.id)
"""

_DEPENDENTS = f"""
SELECT source, count(*) FROM (
  SELECT coalesce(sa.to_id, e.source_dataset) AS source, coalesce(ta.to_id, e.target_dataset) AS target
  FROM edge e
  {edges.SOURCE_RESOLVED}
  LEFT JOIN temp.dataset_alias ta ON ta.from_id = e.target_dataset
  CROSS JOIN edge_month m ON m.edge_id = e.id
  {edges.RETIRED}
  WHERE {edges.ACTIVE} AND coalesce(sa.to_id, e.source_dataset) <> coalesce(ta.to_id, e.target_dataset)
    AND NOT EXISTS (SELECT 1 FROM dataset t WHERE t.id = e.target_dataset AND {edges.kind_of("t")} = 'consumer')
  GROUP BY 1, 2
  HAVING {edges.STANDS}
) hanging
GROUP BY source
"""  # noqa: S608 -- our own text throughout


_OUTSIDE = "SELECT DISTINCT metastore_id, dataset FROM outside_read WHERE day BETWEEN :first AND :last"

_UNAUDITED = f"""
SELECT count(*) FROM day_mined m WHERE m.stream = 'usage' AND m.day BETWEEN :first AND :last AND (
  NOT m.audited OR EXISTS (
    SELECT 1 FROM day_fate f WHERE f.source_id = m.source_id AND f.stream = m.stream AND f.day = m.day
      AND f.table_name = '{schemas.AUDIT_READS}' AND f.fate = 'unresolved'
  )
)
"""  # noqa: S608 -- our own text throughout


@dataclass(frozen=True, slots=True)
class Outside:
    """Datasets that were read past the lineage tables in some days, or were shared, as (metastore, name).

    An empty metastore is any. `sure` when the audit log was read for each of the days, and told every dataset's name.
    """

    datasets: Collection[tuple[str, str]] = ()
    sure: bool = False

    def covers(self, metastore: str, name: str) -> bool:
        """Whether a dataset is among them; credentials for a path are for all below it."""
        if not self.datasets:
            return False
        paths = accumulate(name.split("/"), lambda above, below: f"{above}/{below}") if "/" in name else (name,)
        return any((of, path) in self.datasets for path in paths for of in ("", metastore))


def outside(connection: Connection, first: date, last: date) -> Outside:
    """What is known of reads past the lineage tables from one day to another, all mined."""
    values = {"first": days.number(first), "last": days.number(last)}
    found = frozenset((metastore, name) for metastore, name in connection.execute(text(_OUTSIDE), values))
    return Outside(found, sure=not connection.execute(text(_UNAUDITED), values).scalar())


def seen_before(connection: Connection, first: date) -> set[int]:
    """Datasets that were read or written before a day. Call `miner.ledger.wanted.resolve` first."""
    values = {"first": days.number(first), "month": days.month(first)}
    return set(connection.execute(text(_SEEN), values).scalars())


def not_listed(connection: Connection) -> set[int]:
    """Tables that information_schema does not list, though it lists their schema."""
    return set(connection.execute(text(_NOT_LISTED)).scalars())


def dependents(connection: Connection) -> dict[int, int]:
    """How many datasets are made directly from each, consumers left out. Call `miner.ledger.wanted.resolve` first."""
    return {source: count for source, count in connection.execute(text(_DEPENDENTS))}  # noqa: C416 -- rows
