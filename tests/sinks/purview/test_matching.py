"""Datasets are found among the assets of a catalog by exact names in bulk, and on request in an index of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from miner.errors import SinkError
from miner.ports import AMBIGUOUS, MATCHED, MISSING, IndexedAsset
from miner.schemas import DATASETS
from sinks.purview.index import key_of
from sinks.purview.naming import Context
from sinks.purview.options import DEFAULT
from tests.sinks.purview.fake_atlas import SEARCH, Fault
from tests.sinks.purview.given import TABLES, body, dataset, edge, flows, popularity

ADLS = "https://a.dfs.core.windows.net/c"
PATHS = "abfss://c@a.dfs.core.windows.net"


class Index:
    """`miner.ports.AssetIndex` in memory."""

    def __init__(self):
        self.due = True
        self.held: list[IndexedAsset] = []

    def renew(self, assets: Iterable[Sequence[IndexedAsset]]) -> None:
        self.held = [one for some in assets for one in some]
        self.due = False

    def find(self, keys: Collection[str]) -> Mapping[str, Sequence[IndexedAsset]]:
        found = {key: [one for one in self.held if one.key == key] for key in keys}
        return {key: some for key, some in found.items() if some}


@pytest.fixture
def index():
    return Index()


def batch(*names):
    """Datasets, their ids by place from 1; a name and its type may be given as a pair."""
    given = [(one, "TABLE") if isinstance(one, str) else one for one in names]
    rows = []
    for number, (name, kind) in enumerate(given, start=1):
        one = dataset(name, kind)
        parts = ("metastore_id", "kind", "catalog", "schema", "name", "path", "type", "spelling")
        rows.append({"dataset": number} | {part: getattr(one, part) for part in parts})
    return pa.RecordBatch.from_pylist(rows, schema=DATASETS)


@pytest.fixture
def found(connected, index):
    """State and asset of some datasets, in their order."""

    def find(*names, options=DEFAULT):
        matches = [one for some in connected(options).matches([batch(*names)], index) for one in some]
        assert sorted(one.dataset for one in matches) == list(range(1, len(names) + 1))
        return [(one.state, one.type_name, one.qualified_name) for one in sorted(matches, key=lambda one: one.dataset)]

    return find


def look_ups(atlas):
    """Type and number of names of each look-up."""
    calls = atlas.calls("GET", "/entity/bulk/uniqueAttribute/type/")
    return [(call.path.rpartition("/")[2], sum(name.startswith("attr_") for name in call.query)) for call in calls]


def test_exact_names(atlas, found):
    """A table is found by its exact name, as what it is there; one that is not there is missing."""
    atlas.scanned("databricks_table", f"{TABLES}/a")
    atlas.scanned("databricks_view", f"{TABLES.removesuffix('tables')}views/b")
    assert found("c.s.a", "c.s.b", "c.s.gone") == [
        (MATCHED, "databricks_table", f"{TABLES}/a"),
        (MATCHED, "databricks_view", f"{TABLES.removesuffix('tables')}views/b"),
        (MISSING, "", ""),
    ]


def test_the_first_candidate_that_is_there(atlas, found):
    """Of several candidates that are there, the most likely one counts: a resource set before its folder."""
    atlas.scanned("azure_datalake_gen2_path", f"{ADLS}/x")
    assert found(f"{PATHS}/x") == [(MATCHED, "azure_datalake_gen2_path", f"{ADLS}/x")]
    atlas.scanned("azure_datalake_gen2_resource_set", f"{ADLS}/x/{{SparkPartitions}}")
    assert found(f"{PATHS}/x") == [(MATCHED, "azure_datalake_gen2_resource_set", f"{ADLS}/x/{{SparkPartitions}}")]


def test_dfs_and_blob(atlas, found):
    """An account that was scanned as Blob is found under an address of ADLS Gen2."""
    atlas.scanned("azure_blob_path", "https://a.blob.core.windows.net/c/x")
    assert found(f"{PATHS}/x") == [(MATCHED, "azure_blob_path", "https://a.blob.core.windows.net/c/x")]


def test_at_most_one_call_per_25_candidates(atlas, found):
    """Two hundred tables take eight look-ups; those that are not there as tables, their other names in as few again."""
    for number in range(150):
        atlas.scanned("databricks_table", f"{TABLES}/t{number}")
    assert [state for state, *_ in found(*(f"c.s.t{number}" for number in range(200)))].count(MATCHED) == 150
    asked = look_ups(atlas)
    assert sorted(asked) == [("databricks_table", 25)] * 8 + [("databricks_view", 25)] * 2


def test_a_type_that_is_not_there(atlas, found):
    """A catalog without the type of a candidate is asked for it once, not for every group of names."""
    assert found(*(f"s3://b{number}/k" for number in range(100)))
    types = [name for name, _ in look_ups(atlas)]
    assert types.count("aws_s3_v2_resource_set") <= DEFAULT.workers


def test_long_names(atlas, found):
    """Long names travel in smaller groups; what no request can hold is not there."""
    names = [f"{PATHS}/{'x' * 900}{number}" for number in range(30)]
    for number in range(30):
        atlas.scanned("azure_datalake_gen2_path", f"{ADLS}/{'x' * 900}{number}")
    assert {state for state, *_ in found(*names)} == {MATCHED}
    assert found(f"{PATHS}/{'y' * 9000}") == [(MISSING, "", "")]


def test_without_a_name(atlas, connected, index):
    """What no rule names is missing for that reason, without a call; a guess is looked up."""
    ((one, two),) = connected().matches([batch("/mnt/x", "hive_metastore.d.t")], index)
    assert (one.state, one.reason) == (MISSING, "the storage behind the mount point is not known")
    assert (two.state, "hive_metastore_host" in two.reason) == (MISSING, True)
    assert atlas.asked == []


def test_a_failed_look_up(atlas, found):
    """A catalog that stays busy, or refuses, is an error; nothing is told to be missing."""
    atlas.faults.extend([Fault(status=503)] * 6)
    with pytest.raises(SinkError):
        found("c.s.a")
    atlas.faults.append(Fault(status=403))
    with pytest.raises(SinkError):
        found("c.s.a")


def test_the_asset_is_referred_to(atlas, connected, index, unmatched):
    """Entities and figures refer to what was found, and to nothing for what was not."""
    sink = connected()
    view = f"{TABLES.removesuffix('tables')}views/x"
    atlas.scanned("databricks_view", view)
    atlas.scanned("databricks_table", f"{TABLES}/a")
    rows = [edge("c.s.a", "c.s.x"), edge("c.s.b", "c.s.x"), edge("c.s.a", "c.s.y", process=2)]
    numbers = {row[f"{end}_name"]: row[end] for row in rows for end in ("source", "target")}
    names = sorted(numbers)
    ((*matches,),) = sink.matches([batch(*(f"c.s.{name}" for name in names))], index)
    by_number = {numbers[names[one.dataset - 1]]: one for one in matches}

    def known(ids):
        return {number: by_number[number] for number in ids}

    _, made = sink.processes([flows(*rows)], unmatched, known)
    attributes = body(made)["attributes"]
    assert [one["uniqueAttributes"]["qualifiedName"] for one in attributes["inputs"]] == [f"{TABLES}/a"]
    assert attributes["outputs"] == [{"typeName": "databricks_view", "uniqueAttributes": {"qualifiedName": view}}]
    assert attributes["unmatchedInputs"] == ["c.s.b"]
    assert {one.name for one in unmatched} == {"c.s.b", "Job 102 → c.s.y"}
    frame = popularity({"dataset": "c.s.x", "dataset_type": "TABLE"}, {"dataset": "c.s.y"})
    (usage,) = sink.usage(frame.assign(dataset_id=[numbers["x"], numbers["y"]]), unmatched, known)
    assert (usage.type_name, usage.qualified_name) == ("databricks_view", view)


PURVIEW = replace(DEFAULT, index="search")


@pytest.fixture
def purview(atlas):
    """A catalog behind an address of Purview's, which searches."""
    atlas.prefix = "/datamap/api/atlas/v2"
    atlas.endpoint = atlas.endpoint.replace("/api/atlas/v2", atlas.prefix)
    return atlas


def test_folded_names(purview, found):
    """With an index, an asset whose name is spelled in another case, or ends in a slash, is found when it is alone."""
    purview.scanned("azure_datalake_gen2_path", f"{ADLS}/Sales/Orders/")
    purview.scanned("azure_datalake_gen2_path", f"{ADLS}/two/x")
    purview.scanned("azure_datalake_gen2_path", f"{ADLS}/Two/X")
    assert found(f"{PATHS}/sales/orders", f"{PATHS}/TWO/x", "c.s.gone", options=PURVIEW) == [
        (MATCHED, "azure_datalake_gen2_path", f"{ADLS}/Sales/Orders/"),
        (AMBIGUOUS, "", ""),
        (MISSING, "", ""),
    ]


def test_prefixes(purview, found):
    """With an index, a place is the resource set below it, else the nearest folder above it, never a container."""
    purview.scanned("azure_datalake_gen2_resource_set", f"{ADLS}/logs/{{Year}}/{{Month}}/part-{{N}}.json")
    purview.scanned("azure_datalake_gen2_path", f"{ADLS}/raw")
    purview.scanned("azure_datalake_gen2_path", f"{ADLS}/raw/orders")
    purview.scanned("azure_datalake_gen2_filesystem", ADLS)
    names = [f"{PATHS}/logs", f"{PATHS}/raw/orders/eu/today", f"{PATHS}/raw2/x/y", f"{PATHS}/raw/items"]
    assert [name for *_, name in found(*names, options=PURVIEW)] == [
        f"{ADLS}/logs/{{Year}}/{{Month}}/part-{{N}}.json", f"{ADLS}/raw/orders", "", f"{ADLS}/raw",
    ]  # fmt: skip


def test_paging(purview, found, index):
    """The index is read page by page to its end, once while it serves, and only when something is missing."""
    purview.page = 7
    for number in range(30):
        purview.scanned("azure_datalake_gen2_path", f"{ADLS}/P{number}/x")
    assert found("c.s.gone", f"{PATHS}/p29/x", options=PURVIEW)[1][2] == f"{ADLS}/P29/x"
    assert len(index.held) == 30
    calls = purview.calls("POST", f"{SEARCH}query")
    assert len(calls) > 5
    assert all(call.query["api-version"] for call in calls)
    assert found(f"{PATHS}/p3/x", options=PURVIEW)[0][0] == MATCHED
    assert len(purview.calls("POST", f"{SEARCH}query")) == len(calls)


def test_no_index_without_need(purview, found, index):
    """When everything is found by its exact name, no asset is read into the index."""
    purview.scanned("databricks_table", f"{TABLES}/a")
    found("c.s.a", options=PURVIEW)
    assert index.due


def test_a_plain_atlas_has_no_search(found):
    """An index of a catalog that cannot be searched is an error that says what to do."""
    with pytest.raises(SinkError, match="no search") as raised:
        found("c.s.a", options=PURVIEW)
    assert "purview.index" in raised.value.mend


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (f"{ADLS}/X/y/", f"{ADLS}/x/y"),
        (f"{ADLS}/x/{{SparkPartitions}}", f"{ADLS}/x"),
        (f"{ADLS}/x/{{N}}/y/{{N}}.csv", f"{ADLS}/x"),
        ("d.T@host", "d.t@host"),
    ],
)
def test_keys(name, key):
    """The key of an asset is its folded name, up to what varies."""
    assert key_of(name) == key


def test_names_depend_on_settings(connected):
    """Other mounts, or an index, are other names to look up; another rate is not."""
    usual = connected().naming
    assert usual
    assert connected(replace(DEFAULT, naming=Context(hive_metastore_host="h"))).naming != usual
    assert connected(PURVIEW).naming != usual
    assert connected(replace(DEFAULT, workers=3, missing="placeholder")).naming == usual
