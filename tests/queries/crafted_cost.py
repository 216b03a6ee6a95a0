"""One small estate with every quirk that the queries of cost have a predicate or a rule for."""

from datetime import timedelta

from tests.oracle import Scope
from tests.oracle.scope import Lists
from tests.queries.given import OWN_TABLES
from tests.rows import DAY, at, billed, lineage, price, statement, warehouse_event, worked

BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
FIRST, LAST = DAY, DAY + timedelta(days=2)
"""The run of days that is mined; rows lie before and after it too."""

SCOPE = Scope(
    catalogs=("other",),
    workspaces=("9*",),
    process_kinds=("new_*",),
    include=Lists(catalogs=("?", "sys*"), workspaces=("1*", "7*", "*9", ""), process_kinds=("*a*", "*e*", "*o*")),
    principal="miner@x.org",
    own_tables=OWN_TABLES,
)
HALF = at(hour=12, minute=30)
PART = timedelta(microseconds=1700)
"""No whole milliseconds: engines cut or round."""
GUID = "0a1b2c3d-0000-4444-8888-0123456789ab"


def _far(days):
    return DAY + timedelta(days=days)


BILLING = [
    *(billed("10", hour, day=day) for day in (_far(-2), BEFORE, DAY, AFTER, _far(2), _far(3)) for hour in (0, 11, 12, 13, 23)),
    billed("-3", 12, record_type="RETRACTION"),
    billed("2", 12, record_type="RESTATEMENT"),
    billed("4", 12, usage_start_time=HALF),
    billed("4", 12, sku_name="TWICE"),
    billed("4", 12, sku_name="PROMOTED"),
    billed("4", 12, sku_name="PUBLISHED"),
    billed("4", 12, sku_name="ROUNDED"),
    billed("4", 12, sku_name="UNPRICED"),
    billed("4", 12, sku_name="NOT_YET"),
    billed("4", 12, sku_name="NO_MORE"),
    billed("4", 12, cloud="AWS"),
    billed("4", 12, usage_unit="GB"),
    billed("4", 12, warehouse=None),
    billed("4", 12, warehouse=""),
    billed("4", 12, warehouse="wh2"),
    billed("0.0000000005", 14),
    billed("0.0000000014", 15, sku_name="PUBLISHED"),
    billed("4", 12, workspace_id=None),
    billed("4", 12, workspace_id=""),
    *(billed("4", 0, workspace_id=name) for name in (None, "")),
    *(billed("0.0000000004", 6, workspace_id=name) for name in (None, "")),
    *(billed("4", 12, workspace_id=None, day=day) for day in (AFTER, LAST)),
    billed("4", 5, sku_name="UNPRICED"),
    billed("4", 12, workspace_id="79", day=LAST),
    billed("4", 12, warehouse=None, workspace_id="9001"),
    billed("1", 12, usage_date=AFTER),
    *(billed("4", 12, workspace_id=name) for name in ("1002", "2001", "9001", "99")),
    *(billed("4", 12, workspace_id=f"7{n}", day=day) for n in range(9) for day in (DAY, AFTER)),
    *(billed("9", 16 + n, f"up{n}") for n in range(8)),
    *(billed("9", 16 + n, f"up{n}", day=AFTER) for n in range(8)),
]  # fmt: skip

PRICES = [
    price("1.1", "0.9", "0.7", price_end_time=HALF),
    price("1.3", price_start_time=HALF),
    price("1.2", currency_code="EUR"),
    price("3", cloud="AWS"),
    price("5", usage_unit="GB"),
    price("2", sku_name="TWICE"),
    price("2.5", sku_name="TWICE", price_start_time=at(_far(-9))),
    price("8", "0.6", sku_name="PROMOTED"),
    price("0.8", sku_name="PUBLISHED"),
    price("0.0000000015", sku_name="ROUNDED"),
    price(None, sku_name="UNPRICED"),
    price("8", sku_name="NOT_YET", price_start_time=at(hour=13)),
    price("8", sku_name="NO_MORE", price_end_time=at(hour=12)),
]

HISTORY = [
    worked("plain", 1000, at(hour=12, minute=1) + PART, 60, compilation_duration_ms=130, result_fetch_duration_ms=170),
    worked("compiled", 1000, at(hour=12, minute=2) + PART, 600, compilation_duration_ms=500),
    worked("fetched", 1000, at(hour=12, minute=3), 30, result_fetch_duration_ms=700),
    worked("spans", 9000, at(hour=11, minute=50), 4000, total_duration_ms=1),
    worked("sudden", 700, at(hour=13, minute=59, second=59), 0),
    worked("midnight", 800, at(BEFORE, 23, 50), 1200),
    worked("long", 5_000_000, at(BEFORE, 0, 30), 40 * 3600),
    worked("longer", 5_000_000, at(BEFORE, 22, 30), 60 * 3600),
    worked("over", 900, at(DAY, 23, 50), 1200),
    worked("ends", 100, at(AFTER, 10, 59), 60),
    worked("first", 900, at(_far(-1), 0), 26 * 3600),
    worked("no tasks", 0, at(hour=12), 60, compilation_duration_ms=400),
    worked("unknown", None, at(hour=12), 60),
    worked(None, 4000, at(hour=12), 60),
    worked("nowhere", 4000, at(hour=12), 60, warehouse=None),
    worked("other", 4000, at(hour=12), 60, "wh2"),
    worked("before", 4000, at(hour=11, minute=59), 60),
    worked("after", 4000, at(hour=13), 60),
    worked("plain", 3000, at(hour=12, minute=5), 60, workspace_id="1002"),
    statement("nobody", workspace_id=None, start_time=at(_far(3), 1)),
    worked("unnamed", 3000, at(BEFORE, 23, 50), 1200, workspace_id=None),
    worked("plain", 1500, at(hour=12, minute=1), 66),
    worked("tomorrow", 600, at(AFTER, 12), 600),
    worked("evening", 600, at(AFTER, 23, 59), 600),
    worked("out", 1000, at(hour=12, minute=9), 60),
    worked("writes", 1000, at(hour=12, minute=9), 60),
    worked("views", 1000, at(hour=12, minute=9), 60),
    worked("mine", 1000, at(hour=12, minute=9), 60),
    *(statement(f"seen{n}", workspace_id=f"7{n}", start_time=at(_far(n - 3), hour)) for n, hour in ((0, 23), (1, 23), (2, 0), (4, 0), (5, 0), (6, 1))),
    *(worked(f"up{n}", 1000, at(day, 16 + n, 10), 600, f"up{n}") for n in range(8) for day in (DAY,)),
    *(worked(f"up{n} again on {day}", 1000, at(day, 16 + n, 15), 900, f"up{n}") for n in range(8) for day in (DAY, AFTER)),
    worked("up0 inside", 500, at(DAY, 16, 11), 20, "up0"),
]  # fmt: skip

LINEAGE = [
    *(lineage(name, statement_id="plain") for name in ("c.s.a", "c.s.a", "C.S.`A`", "c.s.b", "c.s.a__dbt_tmp", "s3://bucket/x/day=1")),
    lineage("c.s.a", statement_id="plain", workspace_id="1002"),
    lineage("c.s.a", statement_id="unnamed", workspace_id=None, day=BEFORE),
    lineage("c.s.a", workspace_id=None),
    lineage("c.s.a", workspace_id="78", day=BEFORE),
    lineage("c.s.a", workspace_id="79", day=_far(3)),
    lineage("c.s.a", statement_id="plain") | {"source_path": "s3://bucket/of_a"},
    lineage("c.s.a", "c.s.a", statement_id="writes") | {"target_path": "s3://bucket/of_a"},
    lineage("c.s.over", statement_id="over"),
    lineage("c.s.old", statement_id="over", day=BEFORE),
    lineage("system.access.table_lineage", statement_id="out", created_by=""),
    lineage("c.s.a", statement_id="compiled", metastore_id=None),
    lineage("c.s.a", statement_id="fetched", metastore_id="m2"),
    lineage("c.s.b", statement_id="fetched", direct_access=None),
    lineage("c.s.c", statement_id="fetched", direct_access=False),
    *(lineage(f"c.s.{name}", statement_id="spans") for name in "abc"),
    lineage("c.s.night", statement_id="midnight", day=BEFORE),
    lineage("c.s.night", statement_id="midnight"),
    *(lineage(f"c.s.d{n + 2}", statement_id="long", day=_far(n)) for n in range(-2, 4)),
    *(lineage(f"c.s.e{n + 2}", statement_id="first", day=_far(n)) for n in range(-2, 4)),
    lineage("c.s.t", statement_id="tomorrow", day=_far(2)),
    lineage("c.s.t", statement_id="evening", day=_far(2)),
    lineage("c.s.u", statement_id="evening", day=_far(3)),
    lineage(None, "c.s.a", statement_id="writes"),
    lineage("c.s.a", "C.S.A", statement_id="writes"),
    lineage("s3://bucket/a", "s3a://bucket/a/", statement_id="writes"),
    lineage("c.s.a", statement_id="views", direct_access=False),
    lineage("other.s.a", statement_id="out"),
    lineage("c.s.a", statement_id="out"),
    lineage("far.s.a", statement_id="out"),
    lineage("c.s.z", "c.s.y", statement_id="out", entity_type="NEW_KIND", entity_id="1"),
    lineage("c.s.z", "c.s.y", statement_id="out", alert="1", job="2"),
    lineage("c.s.x", statement_id="out") | {"source_table_catalog": None},
    lineage("system.access.table_lineage", statement_id="mine", created_by="Miner@x.org"),
    lineage("c.s.a", statement_id="mine", created_by="miner@x.org"),
    lineage(None, statement_id="mine"),
    lineage("c.s.a", statement_id=None),
    *(lineage("c.s.a", workspace_id="73", day=day) for day in (_far(3), _far(-2))),
    lineage("c.s.a", workspace_id="77", day=_far(2)),
    lineage("c.s.a", workspace_id="99"),
    *(lineage("c.s.a", statement_id=f"up{n}") for n in range(8)),
    *(
        lineage("c.s.a", f"c.s.{name}", statement_id="compiled") | {"target_table_catalog": "d"} for name in "ab"
    ),
]  # fmt: skip

EVENTS = [
    warehouse_event("RUNNING", at(hour=16), "up0"),
    warehouse_event("STOPPED", at(hour=16, minute=50) + PART, "up0"),
    warehouse_event("RUNNING", at(hour=17), "up1"),
    warehouse_event("SCALED_UP", at(hour=17, minute=20) + PART, "up1"),
    warehouse_event("SCALED_DOWN", at(hour=17, minute=40), "up1"),
    warehouse_event("SCALED_UP", at(BEFORE, 3), "up2"),
    warehouse_event("SCALED_DOWN", at(_far(-29), 3), "up3"),
    warehouse_event("RUNNING", at(_far(-30), 20), "up4"),
    warehouse_event("RUNNING", at(_far(-30), 21), "up5"),
    warehouse_event("RUNNING", at(hour=22), "up6", workspace_id="1002"),
    warehouse_event("RUNNING", at(hour=23, minute=14), "up7"),
    warehouse_event("RUNNING", at(_far(2), 0), "up7"),
    warehouse_event("STOPPING", at(AFTER, 23, 10), "up7"),
    warehouse_event("STARTING", at(hour=16, minute=59), "up1"),
    warehouse_event("RUNNING", at(hour=11, minute=30)),
    warehouse_event("RUNNING", at(hour=0), workspace_id=None),
    warehouse_event("STOPPED", at(hour=0, minute=40), workspace_id=""),
    warehouse_event("RUNNING", at(hour=18), "up0"),
]

TABLES = {
    "billing_usage": BILLING, "list_prices": PRICES, "query_history": HISTORY, "table_lineage": LINEAGE,
    "warehouse_events": EVENTS,
}  # fmt: skip
