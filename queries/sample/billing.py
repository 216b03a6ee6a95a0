"""What an estate is billed for: hours of SQL warehouses and of other things, their prices, and when warehouses were up.

Each workspace of the estate has one warehouse; another workspace of the account lies in another region, and leaves
nothing but its bill. One warehouse's SKU has no price yet. Some hours are corrected days later.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from queries.documented import BILLING_USAGE, LIST_PRICES, WAREHOUSE_EVENTS
from queries.sample.labels import rng_of, texts, uuids
from queries.sample.people import DEV, FINANCE, PROD, SCIENCE, WORKSPACES
from queries.sample.plan import Plan

Record = dict[str, object]

SERVERLESS, PRO, PREVIEW, JOBS, STORAGE = (
    "PREMIUM_SERVERLESS_SQL_COMPUTE_EU_WEST",
    "PREMIUM_SQL_PRO_COMPUTE_EU_WEST",
    "PREMIUM_SQL_PREVIEW_COMPUTE_EU_WEST",
    "PREMIUM_JOBS_SERVERLESS_COMPUTE_EU_WEST",
    "PREMIUM_DATABRICKS_STORAGE_EU_WEST",
)
_SKUS = {PROD: SERVERLESS, FINANCE: PRO, DEV: PREVIEW}
"""Of each workspace's warehouse; serverless unless told otherwise."""

ELSEWHERE = "7405610000000909"
"""A workspace in another region: neither its lineage nor its history is seen from here."""

_HOURS = {PROD: range(24), SCIENCE: range(7, 20)}
_OFFICE = range(5, 23)
"""The hours that a warehouse is up, UTC."""

_HOUR = timedelta(hours=1)
_CORRECTED = 5
"""Every so many days some hours of one warehouse are taken back and billed anew."""


def warehouse_id(workspace_id: str) -> str:
    """The id of a workspace's warehouse."""
    return f"{workspace_id}beef"[-16:]


def prices(plan: Plan) -> pa.Table:
    """Prices by SKU: one that changed halfway, a promotion that ended then, one that stands, none for the preview."""
    changed = _midnight(plan.first_day + timedelta(days=plan.days // 2))
    rows = [
        _price(plan, SERVERLESS, "0.91", "0.637", None, changed),
        _price(plan, SERVERLESS, "0.91", None, changed, None),
        _price(plan, PRO, "0.69", None, None, changed),
        _price(plan, PRO, "0.74", None, changed, None),
        _price(plan, JOBS, "0.45", None, None, None),
        _price(plan, STORAGE, "0.023", None, None, None) | {"usage_unit": "DSU"},
    ]
    return _table(rows, LIST_PRICES)


def _price(  # noqa: PLR0913, PLR0917 (the columns of a price)
    plan: Plan, sku: str, default: str, promotional: str | None, since: datetime | None, until: datetime | None
) -> Record:
    lower = Decimal(promotional) if promotional else None
    return {
        "price_start_time": since or datetime(2024, 2, 1, tzinfo=UTC),
        "price_end_time": until,
        "account_id": plan.account_id,
        "sku_name": sku,
        "cloud": "AZURE",
        "currency_code": "USD",
        "usage_unit": "DBU",
        "pricing": {
            "default": Decimal(default),
            "promotional": {"default": lower},
            "effective_list": {"default": lower or Decimal(default)},
        },
    }


def usage(plan: Plan) -> Iterator[pa.RecordBatch]:
    """Rows of billing.usage, day by day, corrections with the day they are about."""
    for number in range(plan.days):
        day = plan.first_day + timedelta(days=number)
        rng = rng_of(plan.seed, day.toordinal(), 9)
        rows = [*_warehouses(day, rng), *_others(day, rng)]
        if number % _CORRECTED == _CORRECTED - 1:
            rows += _corrections(rows, day)
        ids = texts(uuids(len(rows), rng))
        told = [row | {"account_id": plan.account_id, "record_id": id_} for row, id_ in zip(rows, ids, strict=True)]
        yield from _table(told, BILLING_USAGE).combine_chunks().to_batches()


def _warehouses(day: date, rng: np.random.Generator) -> Iterator[Record]:
    places = [*((number, workspace_id) for number, (_, workspace_id) in enumerate(WORKSPACES)), (-1, ELSEWHERE)]
    for number, workspace_id in places:
        sku = _SKUS.get(number, SERVERLESS)
        features = {"sql_tier": "PRO", "is_serverless": sku == SERVERLESS, "is_photon": True}
        for hour in _HOURS.get(number, _OFFICE):
            start = _midnight(day) + hour * _HOUR
            metadata = {"warehouse_id": warehouse_id(workspace_id)}
            quantity = Decimal(int(rng.integers(4_000_000, 24_000_000))).scaleb(-6)
            yield _used(workspace_id, sku, start, quantity, metadata) | {"product_features": features}


def _others(day: date, rng: np.random.Generator) -> Iterator[Record]:
    """Serverless jobs, which have no warehouse, and storage, which nobody runs."""
    for place, (_, workspace_id) in enumerate(WORKSPACES):
        for hour in range(place, 24, 6):
            quantity = Decimal(int(rng.integers(100_000, 9_000_000))).scaleb(-6)
            metadata = {"job_id": str(9000 + place), "job_run_id": str(day.toordinal() * 100 + hour)}
            features = {"jobs_tier": "CLASSIC", "is_serverless": True, "performance_target": "STANDARD"}
            told = {"billing_origin_product": "JOBS", "product_features": features}
            yield _used(workspace_id, JOBS, _midnight(day) + hour * _HOUR, quantity, metadata) | told
    stored = _used("", STORAGE, _midnight(day), Decimal("812.5"), {"metastore_id": "default"})
    kind = {"workspace_id": None, "usage_unit": "DSU", "usage_type": "STORAGE_SPACE"}
    yield stored | kind | {"billing_origin_product": "DEFAULT_STORAGE"}


def _corrections(rows: list[Record], day: date) -> list[Record]:
    """Three hours of finance's warehouse, taken back and billed for a tenth less."""
    wrong = [row for row in rows if row["workspace_id"] == WORKSPACES[FINANCE][1] and row["sku_name"] == PRO][3:6]
    later = {"ingestion_date": day + timedelta(days=2)}
    corrected: list[Record] = []
    for row in wrong:
        quantity = Decimal(str(row["usage_quantity"]))
        corrected += [
            row | later | {"usage_quantity": -quantity, "record_type": "RETRACTION"},
            row | later | {"usage_quantity": quantity * Decimal("0.9"), "record_type": "RESTATEMENT"},
        ]
    return corrected


def _used(workspace_id: str, sku: str, start: datetime, quantity: Decimal, metadata: Mapping[str, str]) -> Record:
    return {
        "workspace_id": workspace_id,
        "sku_name": sku,
        "cloud": "AZURE",
        "usage_start_time": start,
        "usage_end_time": start + _HOUR,
        "usage_date": start.date(),
        "usage_unit": "DBU",
        "usage_quantity": quantity,
        "usage_metadata": metadata,
        "identity_metadata": {"owned_by": "platform-admin@contoso.com"} if "warehouse_id" in metadata else {},
        "record_type": "ORIGINAL",
        "ingestion_date": start.date(),
        "billing_origin_product": "SQL",
        "usage_type": "COMPUTE_TIME",
    }


def warehouse_events(plan: Plan) -> pa.Table:
    """Every warehouse starts and stops with the hours that it is billed for; production's never stops."""
    rows: list[Record] = []
    for number, (_, workspace_id) in enumerate(WORKSPACES):
        hours = _HOURS.get(number, _OFFICE)
        for day in range(plan.days if len(hours) < 24 else 1):
            midnight = _midnight(plan.first_day + timedelta(days=day))
            up, down = midnight + hours.start * _HOUR, midnight + hours.stop * _HOUR
            told = [("STARTING", up - timedelta(seconds=9)), ("RUNNING", up)]
            if len(hours) < 24:
                told += [("SCALED_UP", up + 4 * _HOUR), ("SCALED_DOWN", up + 6 * _HOUR)]
                told += [("STOPPING", down - timedelta(minutes=20)), ("STOPPED", down - timedelta(minutes=19))]
            rows += [_event(plan, workspace_id, kind, at) for kind, at in told]
    return _table(rows, WAREHOUSE_EVENTS)


def _event(plan: Plan, workspace_id: str, kind: str, at: datetime) -> Record:
    count = {"SCALED_UP": 2, "STOPPED": 0, "STARTING": 0}.get(kind, 1)
    return {
        "account_id": plan.account_id,
        "workspace_id": workspace_id,
        "warehouse_id": warehouse_id(workspace_id),
        "event_type": kind,
        "cluster_count": count,
        "event_time": at,
    }


def _table(records: list[Record], schema: pa.Schema) -> pa.Table:
    """Records under a schema; what a record does not say is NULL."""
    return pa.table({field.name: pa.array([r.get(field.name) for r in records], field.type) for field in schema})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
