import datetime as dt
import json

import pandas as pd
import pytest

from miner.ports import Match, Unmatched
from sinks.purview.options import PurviewOptions
from sinks.purview.usage import NO_COLUMNS, SHARED_COLUMN, column_entities, figures_of, moved, named, usage_entities
from tests.sinks.purview.given import TABLES, body, column_popularity, popularity


@pytest.fixture
def made(unmatched):
    """The entities of some rows of popularity."""

    def make(*rows, windows=(30,)):
        return list(usage_entities(popularity(*rows), unmatched, PurviewOptions(windows=windows)))

    return make


def milliseconds(year, month, day):
    return int(dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp() * 1000)


def test_figures_of_an_asset(made):
    """Figures go as business metadata to the scan's own asset; dates are epoch milliseconds."""
    (entity,) = made({})
    assert body(entity) == {
        "typeName": "databricks_table",
        "attributes": {"qualifiedName": f"{TABLES}/t", "name": "t"},
        "businessAttributes": {
            "UnityCatalogUsage": {
                "reads_30d": 10,
                "readers_30d": 3,
                "people_30d": 2,
                "machines_30d": 1,
                "indirect_reads_30d": 1,
                "score_30d": 3.3,
                "band_30d": 4,
                "trend_30d": 0.5,
                "partial_days_30d": 0,
                "last_read": milliseconds(2026, 11, 19),
                "last_write": milliseconds(2026, 11, 1),
                "as_of": milliseconds(2026, 11, 20),
            }
        },
    }
    assert (entity.kind, entity.qualified_name, entity.operations) == ("usage", f"{TABLES}/t", 1)


def test_windows_of_one_dataset_travel_together(made):
    """A dataset is one entity with the figures of every window set, in whatever order the rows come."""
    rows = [{"window_days": 90, "reads": 30}, {"dataset": "c.s.u"}, {"window_days": 30}, {"window_days": 7, "reads": 1}]
    first, second = made(*rows, windows=(30, 90))
    figures = body(first)["businessAttributes"]["UnityCatalogUsage"]
    assert (figures["reads_30d"], figures["reads_90d"]) == (10, 30)
    assert "reads_7d" not in figures
    assert second.qualified_name == f"{TABLES}/u"


def test_unknown_figures_are_left_out(made):
    """A figure that is not known is not sent as null, which a catalog takes for 0; a 0 is sent."""
    (entity,) = made({"trend": None, "last_read": None, "last_write": pd.NaT, "reads": 0})
    figures = body(entity)["businessAttributes"]["UnityCatalogUsage"]
    assert {"trend_30d", "last_read", "last_write"}.isdisjoint(figures)
    assert figures["reads_30d"] == 0
    assert figures_of(entity) == figures


def test_day_of_reporting_is_no_change(made):
    """The digest is that of which figures there are; what they are, and of which day, is told beside it."""
    (one,) = made({})
    (later,) = made({"as_of": dt.date(2026, 11, 21)})
    (other,) = made({"reads": 11})
    assert one.digest == later.digest == other.digest
    assert one.body != later.body
    assert json.loads(one.figures) == figures_of(one)


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({}, False),
        ({"reads": 11}, False),
        ({"reads": 12}, True),
        ({"reads": 8}, True),
        ({"reads": 0}, True),
        ({"trend": 0.59}, False),
        ({"trend": 0.61}, True),
        ({"trend": None}, True),
        ({"partial_days": 1}, True),
        ({"last_read": dt.datetime(2026, 11, 20, tzinfo=dt.UTC)}, False),
        ({"as_of": dt.date(2026, 12, 17)}, False),
        ({"as_of": dt.date(2026, 12, 18)}, True),
    ],
)
def test_figures_that_moved(made, change, sent):
    """Figures are sent when one moved by more than a tenth, to or from nothing, or is a month old; dates move nothing."""
    (before,), (now,) = made({}), made(change)
    assert moved(before.figures, now.figures, 10) is sent


def test_from_zero_is_always_a_move(made):
    """However much a figure may move unsent, the first read of what nobody read is sent."""
    (before,), (now,) = made({"reads": 0}), made({"reads": 1})
    assert moved(before.figures, now.figures, 100)
    assert moved(before.figures, before.figures, 0) is False


def test_noise_in_scores_is_no_change(made):
    """A score that differs in its tenth digit has not changed."""
    (one,) = made({"score": 3.3000000001})
    (two,) = made({"score": 3.3000000002})
    assert one == two


@pytest.mark.parametrize(
    ("row", "type_name", "name"),
    [
        ({"dataset_type": "VIEW"}, "databricks_view", "t"),
        ({"dataset": "abfss://b@a.dfs.core.windows.net/raw", "kind": "path"}, "azure_datalake_gen2_path", "raw"),
    ],
)
def test_other_datasets(made, row, type_name, name):
    """Views and paths have usage as well."""
    (entity,) = made(row)
    assert (entity.type_name, body(entity)["attributes"]["name"]) == (type_name, name)


def test_without_an_asset(made, unmatched):
    """A dataset without an asset is reported once, whatever the number of windows."""
    rows = [{"dataset": "gs://b/x", "kind": "path", "window_days": days} for days in (30, 90)]
    assert made(*rows, windows=(30, 90)) == []
    assert unmatched == [Unmatched("gs://b/x", "no type of asset is known for gs:// paths")]


def test_half_a_name(made, unmatched):
    """A table name without its three parts is no table, and no error."""
    assert made({"dataset": "lonely"}) == []
    assert [one.reason for one in unmatched] == ["the table's name is incomplete"]


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame.astype({"last_read": "datetime64[us]", "as_of": "datetime64[ns]"}),
        lambda frame: frame.assign(last_read=pd.to_datetime(frame["last_read"], utc=True)),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.astype({"reads": "Int64", "trend": "Float64", "dataset": "string"}),
    ],
)
def test_column_types(unmatched, convert):
    """However pandas holds the columns, the body is the same."""
    frame = popularity({}, {"dataset": "c.s.u", "trend": None})
    assert list(usage_entities(convert(frame), unmatched)) == list(usage_entities(frame, unmatched))


def test_instants_and_days(unmatched):
    """An instant keeps its time of day."""
    frame = popularity({"last_read": pd.Timestamp("2026-11-19T12:00:00.5Z")})
    (entity,) = usage_entities(frame, unmatched)
    figures = json.loads(entity.body)["businessAttributes"]["UnityCatalogUsage"]
    assert figures["last_read"] == milliseconds(2026, 11, 19) + 43_200_500


def test_nothing(made):
    """No popularity is no entity."""
    assert made() == []


def test_assets_keep_their_names(made):
    """Usage is sent under the asset's own name: nothing of the scan is rewritten."""
    (entity,) = made({})
    assert named(entity, "t") is entity
    renamed = named(entity, "Sales")
    assert body(renamed)["attributes"]["name"] == "Sales"
    assert body(renamed)["businessAttributes"] == body(entity)["businessAttributes"]


def test_two_datasets_that_are_one_asset(unmatched):
    """Readers of two datasets do not add up: the asset shows the figures of the table, and the path is told."""
    frame = popularity(
        {"dataset": "abfss://c@a.dfs.core.windows.net/t", "kind": "path", "dataset_type": "PATH", "reads": 99},
        {"dataset": "c.s.t", "reads": 1},
    ).assign(dataset_id=[1, 2])
    match = Match(0, "matched", "databricks_table", "databricks://m/t", "rule")
    (made,) = usage_entities(frame, unmatched, known=lambda ids: dict.fromkeys(ids, match))
    (figures,) = body(made)["businessAttributes"].values()
    assert figures["reads_30d"] == 1
    assert [(one.name, "another dataset" in one.reason) for one in unmatched] == [
        ("abfss://c@a.dfs.core.windows.net/t", True)
    ]


@pytest.fixture
def columns(unmatched):
    """The entities of some rows of popularity of columns; `matches` are what the ledger knows of dataset 1."""

    def make(*rows, matches=None):
        frame = column_popularity(*rows).assign(dataset_id=1)
        options = PurviewOptions(windows=(30, 90), columns=True)
        return list(column_entities(frame, unmatched, options, lambda _: matches or {}))

    return make


def test_figures_of_a_column(columns):
    """A column's figures go to the asset that the scan made of it below its table."""
    (entity,) = columns({"column": "Order Id"}, {"column": "Order Id", "window_days": 90, "reads": 30})
    assert (entity.kind, entity.qualified_name) == ("column_usage", f"{TABLES}/t/columns/Order Id")
    assert body(entity) == {
        "typeName": "databricks_table_column",
        "attributes": {"qualifiedName": f"{TABLES}/t/columns/Order Id", "name": "Order Id"},
        "businessAttributes": {
            "UnityCatalogUsage": {
                **{f"reads_{days}d": reads for days, reads in ((30, 10), (90, 30))},
                **{
                    f"{name}_{days}d": value
                    for days in (30, 90)
                    for name, value in (
                        ("readers", 3), ("people", 2), ("machines", 1), ("score", 3.3), ("band", 4), ("trend", 0.5),
                        ("partial_days", 0),
                    )
                },
                "last_read": milliseconds(2026, 11, 19),
                "as_of": milliseconds(2026, 11, 20),
            }
        },
    }  # fmt: skip


@pytest.mark.parametrize(("spelled", "name"), [(None, "ID"), ("[]", "id"), ('["Id"]', "Id"), ('["other"]', "id")])
def test_columns_are_spelled_as_the_asset_spells_them(columns, spelled, name):
    """Of an asset whose columns were read the column is named as there; of others as the latest event wrote it."""
    match = Match(1, "matched", "databricks_view", "databricks://m/v", "rule", spelled)
    (entity,) = columns({"column": "ID"}, matches={1: match})
    assert (entity.type_name, entity.qualified_name) == ("databricks_view_column", f"databricks://m/v/columns/{name}")


def test_columns_without_an_asset(columns, unmatched):
    """Columns of a dataset without an asset, or of one whose columns are not known by name, are reported once for all."""
    rows = [{"column": name} for name in ("a", "b")]
    assert columns(*rows, matches={1: Match(1, "missing", reason="no asset")}) == []
    assert columns(*rows, matches={1: Match(1, "matched", "azure_sql_table", "mssql://h/d/s/t")}) == []
    assert unmatched == [Unmatched("c.s.t", "no asset"), Unmatched("c.s.t", NO_COLUMNS)]


def test_two_columns_of_one_asset(columns, unmatched):
    """Where two columns are one to the catalog, the first one's figures stay: distinct readers do not add up."""
    rows = [{"column": "a"}, {"column": "a", "dataset": "c.s.u"}]
    match = Match(1, "matched", "databricks_table", "databricks://m/t")
    assert len(columns(*rows, matches={1: match})) == 1
    assert unmatched == [Unmatched("c.s.u.a", SHARED_COLUMN)]
