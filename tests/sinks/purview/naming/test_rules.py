"""Each rule of naming by hand: what comes first, what comes beside it, and what gives nothing."""

import json

import pytest

from sinks.purview.naming import Context, Rule, mounts, of_name_text, of_openlineage, of_path, of_text
from sinks.purview.naming.partitions import trimmed
from sinks.purview.naming.rules import checked
from sinks.purview.naming.tables import of_table

M = "m-1"
UNITY = "databricks://m-1/catalogs"
DFS = "https://acct.dfs.core.windows.net/box"
BLOB = "https://acct.blob.core.windows.net/box"
ROOT = "abfss://box@acct.dfs.core.windows.net"
HIVE = Context(hive_metastore_host="adb-1.2.azuredatabricks.net")
MOUNTED = Context(
    hive_metastore_host="host",
    mounts=mounts.read(
        {
            "/mnt/x/": f"{ROOT}/",
            "/mnt/x/y": "wasbs://inner@acct.blob.core.windows.net/deep/er/",
            "/mnt/root": "DatabricksRoot",
            "/mnt/twice": "dbfs:/mnt/x/z",
            "/mnt/loop": "dbfs:/mnt/loop",
            "/Volumes/c/s/v": "s3://bucket/volume",
            "/": "DatabricksRoot",
        }
    ),
)


def names(found):
    return [one.qualified_name for one in found.candidates]


def typed(found):
    return [(one.type_name, one.qualified_name) for one in found.candidates]


def first(found):
    return found.first and (found.first.type_name, found.first.qualified_name)


def path(text, context=MOUNTED):
    return of_path(text, M, context)


def test_resource_sets_before_folders_before_files():
    """A folder may be a resource set of Spark's or of numbered files, and comes with and without its slash."""
    assert typed(path(f"{ROOT}/a/b"))[:4] == [
        ("azure_datalake_gen2_resource_set", f"{DFS}/a/b/{{SparkPartitions}}"),
        ("azure_datalake_gen2_resource_set", f"{DFS}/a/b/{{N}}"),
        ("azure_datalake_gen2_path", f"{DFS}/a/b"),
        ("azure_datalake_gen2_path", f"{DFS}/a/b/"),
    ]


def test_files_after_their_folder():
    """A file is in a set of like files, or in a folder; it stands last, its extension folded and as written."""
    assert names(path(f"{ROOT}/in/data_001.CSV"))[:6] == [
        f"{DFS}/in/data_{{N}}.csv",
        f"{DFS}/in/data_001.CSV/{{SparkPartitions}}",
        f"{DFS}/in",
        f"{DFS}/in/",
        f"{DFS}/in/data_001.csv",
        f"{DFS}/in/data_001.CSV",
    ]
    assert first(path(f"{ROOT}/in/data_001.CSV")) == ("azure_datalake_gen2_path", f"{DFS}/in/data_001.csv")


def test_a_file_in_a_container_has_no_folder():
    """A container is no folder of a file: what is in it has nothing to do with the file."""
    assert f"{DFS}" not in names(path(f"{ROOT}/data.parquet"))


def test_dfs_and_blob_are_one():
    """An account is scanned as one or the other: both are candidates, the one addressed first."""
    assert f"{BLOB}/a" in names(path(f"{ROOT}/a"))
    found = names(path("wasbs://box@acct.blob.core.windows.net/a"))
    assert found.index(f"{BLOB}/a") < found.index(f"{DFS}/a")
    assert first(path("abfss://box@acct.blob.core.windows.net/a")) == ("azure_datalake_gen2_path", f"{DFS}/a")


@pytest.mark.parametrize(
    "address",
    [
        "abfs://box@acct.dfs.core.windows.net/a/b",
        "ABFSS://box@ACCT.dfs.core.windows.net//a///b/",
        "abfss://box@acct.privatelink.dfs.core.windows.net/a/b",
        "abfss://box@acct-secondary.dfs.core.windows.net:443/a/b",
        "abfss://box@acct.dfs.core.windows.net./ a / b ",
        "https://acct.dfs.core.windows.net/box/a/b?sv=1&sig=secret",
        "http://acct.dfs.core.windows.net/box/a/b",
        "delta.`abfss://box@acct.dfs.core.windows.net/a/b`",
    ],
)
def test_spellings_of_one_place(address):
    """Scheme, case of the host, private link, port, doubled slashes and a signature make no other dataset."""
    assert path(address).candidates == path(f"{ROOT}/a/b").candidates


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("abfss://c@a.dfs.core.chinacloudapi.cn/p", "https://a.dfs.core.chinacloudapi.cn/c/p"),
        ("abfss://c@a.privatelink.blob.core.usgovcloudapi.net/p", "https://a.dfs.core.usgovcloudapi.net/c/p"),
        ("https://a.z12.blob.storage.azure.net/c/p", "https://a.z12.blob.storage.azure.net/c/p"),
        ("abfss://ws@onelake.dfs.fabric.microsoft.com/l/p", "https://onelake.dfs.fabric.microsoft.com/ws/l/p"),
        ("https://blob.blob.core.windows.net/c/p", "https://blob.blob.core.windows.net/c/p"),
    ],
)
def test_clouds(address, name):
    """Hosts of every cloud pass through; only the label of the service is switched."""
    assert first(path(address))[1] == name


@pytest.mark.parametrize(
    "below",
    [
        "t/_delta_log",
        "t/_delta_log/00000000000000000010.json",
        "t/_change_data/cdc-00000-a.parquet",
        "t/part-00000-0a1b.c000.snappy.parquet",
        "t/day=2025-07-21",
        "t/region=eu/day=2025-07-21/part-00000.parquet",
        "t/2025/07/21",
        "t/2025/07/21/13/x.json",
        "t/20250721",
        "t/2025-07-21T09:01Z",
        "t/202507",
    ],
)
def test_partitions_and_logs_go_to_their_table(below):
    """Logs, partitions and Spark's files stand for the table's folder; the path as given comes after it."""
    found = path(f"{ROOT}/{below}")
    assert first(found) == ("azure_datalake_gen2_path", f"{DFS}/t")
    names_found = names(found)
    assert names_found.index(f"{DFS}/t") < names_found.index(f"{DFS}/{below}")


def test_partitions_become_tokens():
    """A resource set over partitions has Purview's tokens in their places."""
    found = names(path(f"{ROOT}/t/region=7/day=2025-07-21"))
    assert found[0] == f"{DFS}/t/region={{N}}/day={{Year}}-{{Month}}-{{Day}}/{{SparkPartitions}}"


@pytest.mark.parametrize(
    "name", ["tenant/1001", "t/2025", "t/99991399", "20250721", "/key=value", "t/a=b=c", "t/2025/13"]
)
def test_what_is_no_partition(name):
    """Numbers that are no date, and a whole name, are never cut."""
    assert trimmed(name) == name


@pytest.mark.parametrize("root", [ROOT, f"{ROOT}/", f"{ROOT}//", f"{ROOT}/_delta_log", f"{ROOT}/part-00000-a.parquet"])
def test_containers(root):
    """The root of a container is a file system, as is a table kept there."""
    assert typed(path(root))[:3] == [
        ("azure_datalake_gen2_filesystem", DFS),
        ("azure_datalake_gen2_filesystem", f"{DFS}/"),
        ("azure_blob_container", BLOB),
    ]


def test_escapes():
    """Escapes come as written, then decoded once; braces of real folders are encoded, tokens of sets are not."""
    found = names(path(f"{ROOT}/a%20b%2520"))
    assert found.index(f"{DFS}/a%20b%2520") < found.index(f"{DFS}/a b%20")
    assert f"{DFS}/a b " not in found
    assert f"{DFS}/a/b" not in names(path(f"{ROOT}/a%2Fb"))
    assert first(path(f"{ROOT}/{{N}}/x"))[1] == f"{DFS}/%7BN%7D/x"
    assert first(path(f"{DFS}/x/{{SparkPartitions}}")) == (
        "azure_datalake_gen2_resource_set",
        f"{DFS}/x/{{SparkPartitions}}",
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dbfs:/mnt/x/a", f"{DFS}/a"),
        ("dbfs:///mnt/x/a/", f"{DFS}/a"),
        ("/mnt/x/a", f"{DFS}/a"),
        ("/dbfs/mnt/x/a", f"{DFS}/a"),
        ("dbfs:/dbfs/mnt/x/a", f"{DFS}/a"),
        ("file:/dbfs/mnt/x/a", f"{DFS}/a"),
        ("/mnt/x", DFS),
        ("/mnt/x/mnt/x", f"{DFS}/mnt/x"),
        ("/mnt/x/y/b", "https://acct.blob.core.windows.net/inner/deep/er/b"),
        ("/mnt/x/y2/b", f"{DFS}/y2/b"),
        ("/mnt/twice/b", f"{DFS}/z/b"),
        ("/Volumes/c/s/v/f", "s3://bucket/volume/f"),
    ],
)
def test_mounts(text, name):
    """The longest mount point that ends at a slash counts, its source's folders stay, once."""
    found = first(path(text))
    assert found is not None
    assert found[1] == name
    assert path(text).candidates[0].rule.startswith("mount /")


@pytest.mark.parametrize("text", ["/mnt/unknown/x", "/mnt/xx", "dbfs:/mnt/root/a", "dbfs:/mnt/loop/a", "dbfs:/tmp/a", "dbfs:/FileStore/a", "/databricks-datasets/a", "file:/tmp/a", "relative/a"])  # fmt: skip
def test_nothing_behind(text):
    """No mount, or one without a storage behind it: nothing, a reason, and what was tried."""
    found = path(text)
    assert (found.candidates, bool(found.reason), bool(found.tried)) == ((), True, True)


def test_forms_of_mounts():
    """The scan's string, dbutils.fs.mounts() as JSON and as printed, pairs and a table read alike."""
    expected = {"/mnt/a": "abfss://c@h/x;y=z/", "/mnt/b": "wasbs://c@h"}
    rows = [
        {"mountPoint": "/mnt/a/", "source": "abfss://c@h/x;y=z/", "encryptionType": ""},
        ["/mnt/b", "wasbs://c@h", ""],
    ]
    printed = "[MountInfo(mountPoint='/mnt/a', source='abfss://c@h/x;y=z/', encryptionType=''), MountInfo(mountPoint='/mnt/b', source='wasbs://c@h', encryptionType='')]"
    text = "/mnt/a=abfss://c@h/x;y=z/;/mnt/b=wasbs://c@h;"
    for form in (expected, rows, json.dumps(rows), printed, text, json.dumps(expected)):
        assert mounts.read(form) == expected
    assert mounts.read(mounts.scan_string(expected)) == expected


@pytest.mark.parametrize(
    "form", [3, None, "nonsense", "[1]", "{", [{}], [["/mnt/a"]], {"/mnt/a": 1}, [{"mountPoint": "", "source": "s"}]]
)
def test_what_is_no_mount(form):
    """What is no mount table is refused with a reason."""
    with pytest.raises(ValueError, match=r"^(is|holds) "):
        mounts.read(form)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("/user/hive/warehouse/orders", "default.orders"),
        ("dbfs:/user/hive/warehouse/Sales.db/Orders", "sales.orders"),
        ("dbfs:/user/hive/warehouse/sales.db/orders/year=2025/part-00000.parquet", "sales.orders"),
        ("hive_metastore.Sales.Orders", "sales.orders"),
        ("spark_catalog.sales.orders", "sales.orders"),
    ],
)
def test_hive_tables(text, table):
    """Tables of the Hive metastore, by name or by their folder in its warehouse, whatever is below."""
    found = of_text(text, M, HIVE)
    assert typed(found) == [("hive_table", f"{table}@adb-1.2.azuredatabricks.net"), ("hive_view", f"{table}@adb-1.2.azuredatabricks.net")]  # fmt: skip
    assert of_text(text, M, Context()).reason == "hive_metastore tables need the setting purview.hive_metastore_host"


@pytest.mark.parametrize(("kind", "order"), [("TABLE", "tv"), ("STREAMING_TABLE", "tv"), ("MATERIALIZED_VIEW", "tv"), ("", "tv"), ("VIEW", "vt"), ("METRIC_VIEW", "vt")])  # fmt: skip
def test_unity_tables_and_views(kind, order):
    """The kind decides what comes first; the other is tried too. Names are folded."""
    wanted = {
        "t": ("databricks_table", f"{UNITY}/c/schemas/s/tables/n"),
        "v": ("databricks_view", f"{UNITY}/c/schemas/s/views/n"),
    }
    assert typed(of_table(("C", "S", "N"), kind, M, Context())) == [wanted[one] for one in order]


def test_names_of_any_depth():
    """Catalog, schema, table and column; columns keep their spelling and may hold periods."""
    assert typed(of_name_text("Main", M, Context())) == [("databricks_catalog", f"{UNITY}/main")]
    assert typed(of_name_text("main.S", M, Context())) == [("databricks_schema", f"{UNITY}/main/schemas/s")]
    assert typed(of_name_text("a.b", M, HIVE))[1:] == [("hive_table", "a.b@adb-1.2.azuredatabricks.net"), ("hive_view", "a.b@adb-1.2.azuredatabricks.net")]  # fmt: skip
    assert typed(of_name_text("`main`.s.T.`Order Id`.x", M, Context()))[0] == (
        "databricks_table_column",
        f"{UNITY}/main/schemas/s/tables/t/columns/Order Id.x",
    )
    assert typed(of_name_text("hive_metastore.d.t.C", M, HIVE))[0] == (
        "hive_column",
        "d.t.C@adb-1.2.azuredatabricks.net",
    )


def test_foreign_catalogs():
    """A foreign catalog's table is the source system's asset first, in that system's spelling when it is known."""
    context = Context(
        foreign_catalogs={
            "crm": "sqlserver://s.database.windows.net;database=Crm",
            "snow": "snowflake://acc/DB",
            "other": "databricks://m-2/catalogs/main",
        }
    )
    found = of_table(("crm", "dbo", "orders"), "", M, context, "crm.dbo.Orders")
    assert first(found) == ("azure_sql_table", "mssql://s.database.windows.net/Crm/dbo/Orders")
    assert f"{UNITY}/crm/schemas/dbo/tables/orders" in names(found)
    snow = names(of_table(("snow", "sc", "t"), "", M, context))
    assert "snowflake://acc.snowflakecomputing.com/databases/DB/schemas/SC/tables/T" in snow
    assert (
        first(of_table(("other", "s", "t"), "", M, context))[1] == "databricks://m-2/catalogs/main/schemas/s/tables/t"
    )


def test_shared_catalogs():
    """A table of a catalog that another metastore shares is flagged."""
    found = of_table(("partner_x", "s", "t"), "", M, Context(shared_catalogs=("partner_*",)))
    assert found.shared
    assert all(one.rule.startswith("shared: ") for one in found.candidates)
    assert not of_table(("own", "s", "t"), "", M, Context(shared_catalogs=("partner_*",))).shared


def test_managed_storage():
    """Unity Catalog's own storage is the table the caller knows to be there, and nothing when it is not known."""
    inside = f"{ROOT}/x/__unitystorage/catalogs/1-2/tables/3-4"
    found = path(f"{inside}/_delta_log/0.json", Context().knowing({f"{inside}/": "C.s.t"}))
    assert first(found) == ("databricks_table", f"{UNITY}/c/schemas/s/tables/t")
    unknown = path(f"{inside}/part-0000.parquet")
    assert (unknown.candidates, unknown.reason) == ((), "managed storage whose table is not known")
    assert unknown.tried == (f"{DFS}/x/__unitystorage/catalogs/1-2/tables/3-4",)


def test_external_location():
    """A known external table comes before the place it is at, whichever spelling of the place is given."""
    context = Context().knowing({"abfs://box@ACCT.dfs.core.windows.net//t/": "c.s.t"})
    assert names(path(f"{ROOT}/t/a=1", context))[:2] == [
        f"{UNITY}/c/schemas/s/tables/t",
        f"{UNITY}/c/schemas/s/views/t",
    ]
    assert f"{DFS}/t" in names(path(f"{ROOT}/t/a=1", context))
    assert f"{UNITY}/c/schemas/s/tables/t" not in names(path(f"{ROOT}/t2", context))


def test_other_stores():
    """S3 by every address; GCS and volumes only as guesses, with the reason."""
    for address in (
        "s3://b/k/t",
        "s3a://b/k/t/",
        "s3n://b//k/t",
        "https://b.s3.eu-west-1.amazonaws.com/k/t",
        "https://s3.amazonaws.com/b/k/t",
    ):
        assert first(path(address)) == ("aws_s3_v2_directory", "s3://b/k/t")
    for text in ("gs://b/k", "https://storage.googleapis.com/b/k", "/Volumes/c/s/w/f"):
        found = path(text)
        assert found.first is None
        assert found.candidates
        assert found.reason.startswith("no type of asset is known for ")
    assert path("/Volumes/c/s/w/f").candidates[0].qualified_name == f"{UNITY}/c/schemas/s/volumes/w"


@pytest.mark.parametrize(
    ("namespace", "name", "type_name", "qualified_name"),
    [
        ("sqlserver://s.privatelink.database.windows.net:1433;database=d", "[my s].[t.x]", "azure_sql_table", "mssql://s.database.windows.net/d/my s/t.x"),
        ("sqlserver://s.database.chinacloudapi.cn;Database=d", "t", "azure_sql_table", "mssql://s.database.chinacloudapi.cn/d/dbo/t"),
        ("sqlserver://s.database.windows.net;database=d", "other.s.t", "azure_sql_table", "mssql://s.database.windows.net/other/s/t"),
        ("sqlserver://s.database.windows.net;database=d", "D.s.t", "azure_sql_table", "mssql://s.database.windows.net/d/s/t"),
        ("sqlserver://s.database.windows.net;database=d", "s.a.b.c", "azure_sql_table", "mssql://s.database.windows.net/d/s/a.b.c"),
        ("jdbc:sqlserver://w.sql.azuresynapse.net:1433;databaseName=d;encrypt=true", "s.t", "azure_synapse_dedicated_sql_table", "mssql://w.sql.azuresynapse.net/d/s/t"),
        ("sqlserver://w-ondemand.sql.azuresynapse.net;database=d", "t", "azure_synapse_serverless_sql_table", "mssql://w-ondemand.sql.azuresynapse.net/d/dbo/t"),
        ("sqlserver://mi.0123456789ab.database.windows.net;database=d", "t", "azure_sql_mi_table", "mssql://mi.0123456789ab.database.windows.net/d/dbo/t"),
        (r"sqlserver://h\INST;database=d", "t", "mssql_table", "mssql://h/inst/d/dbo/t"),
        ("postgres://p.postgres.database.azure.com:5432", "d.s.t", "azure_postgresql_table", "postgresql://p.postgres.database.azure.com/d/s/t"),
        ("jdbc:postgresql://user@h:5433/d?ssl=true", '"S"."T"', "postgresql_table", "postgresql://servers/h:5433/dbs/d/schemas/S/tables/T"),
        ("postgresql://[::1]/d", "t", "postgresql_table", "postgresql://servers/[::1]:5432/dbs/d/schemas/public/tables/t"),
        ("mysql://m.mysql.database.azure.com/d", "t", "azure_mysql_table", "mysql://m.mysql.database.azure.com/d/t"),
        ("mysql://h:3307", "d.t", "mysql_table", "mysql://servers/h:3307/dbs/d/tables/t"),
        ("azurekusto://X.kusto.windows.net/d", "t", "azure_data_explorer_table", "https://x.kusto.windows.net/d/t"),
        ("azurecosmos://h.documents.azure.com:443/dbs/d", "colls/c", "azure_cosmosdb_sqlapi_collection", "https://h.documents.azure.com/dbs/d/colls/c"),
        ("snowflake://org-acc", "D.S.T", "snowflake_table", "snowflake://org-acc.snowflakecomputing.com/databases/D/schemas/S/tables/T"),
        ("hive://h:9083", "db.t", "hive_table", "db.t@host"),
        ("unitycatalog://f27d9d14-8edd-4964-a5fb-2f9f5d113c6e", "C.s.t", "databricks_table", "databricks://f27d9d14-8edd-4964-a5fb-2f9f5d113c6e/catalogs/c/schemas/s/tables/t"),
        ("abfss://box@acct.dfs.core.windows.net/warehouse", "t", "azure_datalake_gen2_path", f"{DFS}/warehouse/t"),
    ],
)  # fmt: skip
def test_openlineage(namespace, name, type_name, qualified_name):
    """Databases and stores by OpenLineage's names: host, port, default schema and quotes by the system's rules."""
    assert first(of_openlineage(namespace, name, M, MOUNTED)) == (type_name, qualified_name)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("sqlserver://s.database.windows.net", "t"),
        ("sqlserver://s.database.windows.net;database=d", "(SELECT 1) q"),
        ("sqlserver://;database=d", "t"),
        ("postgresql://h/d", ""),
        ("postgresql://h/d", "a..b"),
        ("postgresql://h/d", "[open"),
        ("snowflake://acc", "t"),
        ("azurecosmos://h/dbs/d", "t"),
        ("bigquery", "p.d.t"),
        ("kafka://h:9092", "topic"),
        ("unitycatalog://h", ""),
        ("", ""),
    ],
)
def test_openlineage_without_an_asset(namespace, name):
    """What cannot be named in full gives nothing, with a reason and what was tried."""
    found = of_openlineage(namespace, name, M, Context())
    assert (found.candidates, bool(found.reason), bool(found.tried)) == ((), True, True)


def test_rules_of_the_user():
    """Rules of the settings come first, in their order, with named groups, the metastore and literal tokens."""
    rules = (
        Rule(r"gs://(?P<b>[^/]+)/(?P<k>.+)", "my_gcs", "gcs:{b}:{k}/{SparkPartitions}"),
        Rule(r"raw\.(?P<s>\w+)\..*", "my_raw", "{metastore}/{s}"),
        Rule(r".*", "my_any", "any"),
    )
    context = Context(rules=rules)
    assert typed(path("gs://b/k/x", context))[:2] == [("my_gcs", "gcs:b:k/x/{SparkPartitions}"), ("my_any", "any")]
    assert typed(of_name_text("Raw.S.t", M, context))[0] == ("my_raw", "m-1/s")
    assert typed(path("kafka://h/t", context)) == [("my_any", "any")]
    assert typed(of_openlineage("bigquery", "p.d.t", M, context)) == [("my_any", "any")]


@pytest.mark.parametrize(("pattern", "name"), [("(", "x"), ("a", "{b}"), ("(?P<a>.)", "{a}{b}")])
def test_rules_that_cannot_be_applied(pattern, name):
    """A pattern that is none, or lacks a group the name asks for, is refused."""
    with pytest.raises(ValueError, match=r"^(is no|has no) "):
        checked(Rule(pattern, "t", name))


def test_bounded_and_told():
    """A reason for nothing names what was tried; guesses alone give no asset to send."""
    found = path("abfss://acct.dfs.core.windows.net/a")
    assert (found.candidates, found.reason, found.tried) == (
        (),
        "the path names no container",
        ("acct.dfs.core.windows.net",),
    )
    assert path("abfss://c@dbstorageabcdefghijklm.dfs.core.windows.net/x").reason.startswith("storage of the workspace")
