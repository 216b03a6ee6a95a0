import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from miner.ports import Unmatched
from sinks.purview.assets import DATASET_TYPES, Asset
from sinks.purview.names import Dataset, asset
from sinks.purview.naming import Context
from tests.sinks.purview.given import METASTORE, TABLES, dataset

DFS = "https://acct.dfs.core.windows.net"
HOST = Context(hive_metastore_host="host")
BLOB = "https://acct.blob.core.windows.net"


@pytest.mark.parametrize("kind", ["TABLE", "STREAMING_TABLE", "MATERIALIZED_VIEW", "EXTERNAL", "", "SOMETHING_NEW"])
def test_tables(kind):
    """Everything in Unity Catalog that is no view is found under the scan's name for tables."""
    assert asset(dataset("c.s.t", kind)) == Asset("databricks_table", f"{TABLES}/t")


@pytest.mark.parametrize("kind", ["VIEW", "METRIC_VIEW", "view"])
def test_views(kind):
    """Views have a type and a place of their own."""
    found = asset(dataset("c.s.v", kind))
    assert found == Asset("databricks_view", f"databricks://{METASTORE}/catalogs/c/schemas/s/views/v")


def test_hive_tables_need_a_host():
    """A hive_metastore table is told by its workspace, which only the settings know."""
    assert asset(dataset("hive_metastore.s.t"), Context(hive_metastore_host="adb-1.1.azuredatabricks.net")) == Asset(
        "hive_table", "s.t@adb-1.1.azuredatabricks.net"
    )
    assert asset(dataset("hive_metastore.s.v", "VIEW"), HOST) == Asset("hive_view", "s.v@host")
    assert asset(dataset("hive_metastore.s.t")) == Unmatched(
        "hive_metastore.s.t", "hive_metastore tables need the setting purview.hive_metastore_host"
    )


@pytest.mark.parametrize(
    ("path", "type_name", "qualified_name"),
    [
        ("abfss://box@acct.dfs.core.windows.net/a/B", "azure_datalake_gen2_path", f"{DFS}/box/a/B"),
        ("abfs://box@acct.dfs.core.windows.net/a", "azure_datalake_gen2_path", f"{DFS}/box/a"),
        ("ABFSS://box@ACCT.dfs.core.windows.net/a", "azure_datalake_gen2_path", f"{DFS}/box/a"),
        ("abfss://box@acct.dfs.core.windows.net", "azure_datalake_gen2_filesystem", f"{DFS}/box"),
        ("abfss://box@acct.dfs.core.windows.net/", "azure_datalake_gen2_filesystem", f"{DFS}/box"),
        ("abfss://box@acct.dfs.core.windows.net//a///b/", "azure_datalake_gen2_path", f"{DFS}/box/a/b"),
        ("abfss://box@acct.dfs.core.windows.net/ a / b", "azure_datalake_gen2_path", f"{DFS}/box/a/b"),
        ("abfss://box@acct.dfs.core.windows.net/a b#1?2", "azure_datalake_gen2_path", f"{DFS}/box/a b#1?2"),
        ("abfss://box@acct.dfs.core.windows.net/{id}/x", "azure_datalake_gen2_path", f"{DFS}/box/%7Bid%7D/x"),
        ("abfss://box@acct.blob.core.windows.net/a", "azure_datalake_gen2_path", f"{DFS}/box/a"),
        ("abfss://box@acct.privatelink.dfs.core.windows.net/a", "azure_datalake_gen2_path", f"{DFS}/box/a"),
        ("abfss://box@acct.dfs.core.windows.net:443/a", "azure_datalake_gen2_path", f"{DFS}/box/a"),
        ("wasbs://box@acct.blob.core.windows.net/a", "azure_blob_path", f"{BLOB}/box/a"),
        ("wasb://box@acct.blob.core.windows.net/a", "azure_blob_path", f"{BLOB}/box/a"),
        ("wasbs://box@acct.blob.core.windows.net/", "azure_blob_container", f"{BLOB}/box"),
        (f"{DFS}/box/a", "azure_datalake_gen2_path", f"{DFS}/box/a"),
        (f"{BLOB}/box/a", "azure_blob_path", f"{BLOB}/box/a"),
        (f"{BLOB}/box/a?sig=secret", "azure_blob_path", f"{BLOB}/box/a"),
        (
            "abfss://box@acct.dfs.core.chinacloudapi.cn/a",
            "azure_datalake_gen2_path",
            "https://acct.dfs.core.chinacloudapi.cn/box/a",
        ),
        (
            "wasbs://box@acct.blob.core.usgovcloudapi.net/a",
            "azure_blob_path",
            "https://acct.blob.core.usgovcloudapi.net/box/a",
        ),
        (
            "abfss://box@blob.dfs.core.windows.net/a",
            "azure_datalake_gen2_path",
            "https://blob.dfs.core.windows.net/box/a",
        ),
        ("adl://Acct.azuredatalakestore.net/a/b", "azure_datalake_gen1_path", "adl://acct.azuredatalakestore.net/a/b"),
        ("s3://bucket/a/b", "aws_s3_v2_directory", "s3://bucket/a/b"),
        ("s3a://bucket/a", "aws_s3_v2_directory", "s3://bucket/a"),
        ("s3://bucket/", "aws_s3_v2_bucket", "s3://bucket"),
    ],
)
def test_paths(path, type_name, qualified_name):
    """A path becomes the name Purview's scan gives it, normalised by Purview's published rules."""
    assert asset(dataset(path)) == Asset(type_name, qualified_name)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("dbfs:/mnt/raw/x", "the storage behind the mount point is not known"),
        ("/mnt/raw/x", "the storage behind the mount point is not known"),
        ("/dbfs/mnt/raw/x", "the storage behind the mount point is not known"),
        ("/Volumes/c/s/v/x", "no type of asset is known for volumes"),
        ("dbfs:/Volumes/c/s/v", "no type of asset is known for volumes"),
        ("dbfs:/FileStore/x", "the path is not the address of a cloud storage"),
        ("", "the path is not the address of a cloud storage"),
        ("gs://bucket/a", "no type of asset is known for gs:// paths"),
        ("hdfs://node/a", "no type of asset is known for hdfs:// paths"),
        ("abfss://acct.dfs.core.windows.net/a", "the path names no container"),
        (f"{DFS}/", "the path names no container"),
        (DFS, "the path names no container"),
        ("https://example.com/a", "the host is not one of Azure storage"),
        ("abfss://box@/a", "the host is not one of Azure storage"),
        ("s3:///a", "the path names no bucket"),
        ("adl:///a", "the path names no account"),
        (
            "abfss://box@acct.dfs.core.windows.net/x/__unitystorage/catalogs/1/tables/2",
            "managed storage whose table is not known",
        ),
    ],
)
def test_paths_without_an_asset(path, reason):
    """What has no asset says why, and is never guessed."""
    assert asset(dataset(path)) == Unmatched(path, reason)


@pytest.mark.parametrize(
    ("given_dataset", "reason"),
    [
        (dataset("c.s.t", metastore=""), "the metastore is not known"),
        (Dataset("m", "table", "", "s", "t", "", "TABLE", "s.t"), "the table's name is incomplete"),
    ],
)
def test_tables_without_an_asset(given_dataset, reason):
    """A table that cannot be named in full is not guessed either."""
    found = asset(given_dataset)
    assert isinstance(found, Unmatched)
    assert found.reason == reason


def test_signatures_stay_out():
    """A shared access signature, a secret, is in no label and no identity."""
    signed = dataset(f"{BLOB}/box/a?sig=secret")
    assert "secret" not in signed.label + signed.folded
    assert signed.hash == dataset(f"{BLOB}/box/a?sig=other").hash


def test_hash_keeps_parts_apart():
    """Parts that read alike when run together are different identities, and so are metastores."""
    datasets = [dataset("a.bc.d"), dataset("ab.c.d"), dataset("a.b.cd"), dataset("a.bc.d", metastore="other")]
    assert len({one.hash for one in datasets}) == 4
    assert all(len(one.hash) == 16 for one in datasets)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("c.s.t", "t"), ("hive_metastore.s.t", "t"), ("abfss://box@acct.dfs.core.windows.net/a/b", "b")],
)
def test_name_of_an_asset(name, expected):
    """An asset is called as the scan calls it: by the last part of its name."""
    found = asset(dataset(name), HOST)
    assert isinstance(found, Asset)
    assert found.name == expected


@given(path=st.text() | st.from_regex(r"(abfss|wasbs|https|s3|adl|dbfs)(:|://)[a-z@./{} ]*", fullmatch=True))
@example("https://[")
@example("abfss://@")
@example("https://?")
def test_any_path_has_an_answer(path):
    """No text makes naming raise; an answer is a known type with an address, or a reason."""
    found = asset(dataset("p/" + path) if path.count(".") == 2 else Dataset("m", "path", "", "", "", path, "", ""))
    assert isinstance(found, Unmatched) or (found.type_name in DATASET_TYPES and "://" in found.qualified_name)


@given(parts=st.tuples(*[st.text()] * 8), host=st.text())
def test_any_dataset_has_an_answer(parts, host):
    """No combination of texts makes naming raise."""
    assert isinstance(asset(Dataset(*parts), Context(hive_metastore_host=host)), Asset | Unmatched)
