"""Random bills, statements and events: the cost of every day is the oracle's, and adds up to what the hours cost."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.queries import given as answers
from tests.queries import strategies
from tests.rows import DAY

BEFORE = DAY - timedelta(days=1)
ESTATES = st.fixed_dictionaries(
    {
        "billing_usage": st.lists(strategies.bills(), min_size=1, max_size=25),
        "list_prices": st.lists(strategies.list_prices(), min_size=1, max_size=8),
        "query_history": st.lists(strategies.work(), max_size=25),
        "table_lineage": st.lists(strategies.table_rows(), max_size=25),
        "warehouse_events": st.one_of(st.none(), st.lists(strategies.events(), max_size=12)),
    }
)


def distinct(events):
    """Events of a warehouse at different moments: of two at one instant nobody knows which came last."""
    return list({(one["workspace_id"] or "", one["warehouse_id"], one["event_time"]): one for one in events}.values())


@settings(max_examples=10, report_multiple_bugs=False)
@given(tables=ESTATES, scope=strategies.SCOPES)
def test_costs(tables, scope):
    """Day by day, to some billionths each and to the last one together; and the same when days are mined apart."""
    tables = tables | {"warehouse_events": tables["warehouse_events"] and distinct(tables["warehouse_events"])}
    with TemporaryDirectory() as folder:
        source = answers.cost_reader(Path(folder), scope, **tables)
        found = answers.costs_of_days(source, BEFORE, DAY)
        charged = answers.charges_of_days(source, BEFORE, DAY)
        alone = answers.costs_of_days(source, DAY, DAY)
        source.warehouse.close()
    assert alone[DAY] == found[DAY]
    sums: Counter = Counter()
    for day in (BEFORE, DAY):
        expected = oracle.costs(
            day, billing=tables["billing_usage"], prices=tables["list_prices"], history=tables["query_history"],
            lineage=tables["table_lineage"], events=tables["warehouse_events"] or (), scope=scope,
        )  # fmt: skip
        answers.assert_costs(found[day], expected, within=200)
        for (hour, currency, _), amount in found[day].hours.items():
            sums[day, hour, currency] += amount
        assert sum(found[day].datasets.values()) == sum(
            amount for (_, _, fate), amount in found[day].hours.items() if fate == "dataset"
        )
    assert dict(sums) == charged
