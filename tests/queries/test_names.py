"""What is folded and cut from names of tables."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.queries.given import ruled

GUID = "0a1b2c3d-0000-4444-8888-0123456789ab"

NAMES = [
    ("orders", "orders"),
    ("Orders", "Orders"),
    # https://docs.getdbt.com/reference/resource-configs/databricks-configs
    ("orders__dbt_tmp", "orders"),
    ("orders__dbt_stg", "orders"),
    ("orders__dbt_backup", "orders"),
    ("orders__dbt_tmp_20261110093000123456", "orders"),
    ("orders__dbt_tmp123", "orders"),
    ("Orders__DBT_TMP", "Orders"),
    ("orders__dbt_tmp__dbt_backup", "orders"),
    ("orders__dbt_template", "orders__dbt_template"),
    ("orders__dbt_other", "orders__dbt_other"),
    ("__dbt_tmp", "__dbt_tmp"),
    ("orders_dbt_tmp", "orders_dbt_tmp"),
    # the tables behind materialized views and streaming tables
    (f"__materialization_mat_{GUID}_orders_1", "orders"),
    (f"__materialization_mat_{GUID.replace('-', '_')}_daily_orders_12", "daily_orders"),
    (f"__materialization_mat_{GUID.replace('-', '')}_orders_1", "orders"),
    ("__materialization_mat_pipeline_orders_2024_1", "orders_2024"),
    (f"__materialization_mat_{GUID}_orders", f"__materialization_mat_{GUID}_orders"),
    ("__materialization_mat_orders_1", "__materialization_mat_orders_1"),
    ("x__materialization_mat_p_orders_1", "x__materialization_mat_p_orders_1"),
    ("__a__", "__a__"),
    (None, None),
]

FOLDED = [
    ("Orders", "orders"),
    ("`Orders`", "orders"),
    ("ÜBERSICHT", "übersicht"),
    ("a`b", "a`b"),
    ("``", None),
    ("", None),
    (None, None),
]


def test_suffixes_of_one_run():
    """What dbt or a pipeline adds for one run makes no table of its own; names that only look alike stay."""
    assert ruled("clean_name(raw)", [raw for raw, _ in NAMES]) == [clean for _, clean in NAMES]


def test_folding():
    """Names are compared in lower case and without the backticks around them; nothing is a name when empty."""
    assert ruled("folded(raw)", [raw for raw, _ in FOLDED]) == [folded for _, folded in FOLDED]


def test_the_oracle_cuts_alike():
    """The oracle the other tests compare with holds to the same lists, on folded names."""
    for raw, clean in NAMES:
        assert raw is None or oracle.table_name(raw.lower()) == clean.lower()


_PIECES = st.sampled_from(
    ("a", "b2", "_", "__", "__dbt_", "tmp", "stg", "backup", "1", "9", "__materialization_mat_", GUID, GUID.replace("-", "_"), "p")
)  # fmt: skip


@settings(max_examples=15)
@given(st.lists(st.lists(_PIECES, max_size=8).map("".join), min_size=100, max_size=200))
def test_any_name(raw):
    """Whatever pieces meet, a name is cut as a reader of the rules would cut it."""
    cut = dict(zip(raw, ruled("clean_name(folded(raw))", raw), strict=True))
    assert {one: clean for one, clean in cut.items() if clean != (oracle.table_name(one) or None)} == {}
