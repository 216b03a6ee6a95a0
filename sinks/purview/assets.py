"""What Purview's own scans make of datasets: types and qualified names. The miner references them, never makes them."""

from dataclasses import dataclass

HIVE_TYPES = ("hive_table", "hive_view")

DATASET_TYPES = (
    "databricks_table",
    "databricks_view",
    *HIVE_TYPES,
    "azure_datalake_gen2_filesystem",
    "azure_datalake_gen2_path",
    "azure_datalake_gen2_resource_set",
    "azure_blob_container",
    "azure_blob_path",
    "azure_blob_resource_set",
    "azure_datalake_gen1_path",
    "azure_datalake_gen1_resource_set",
    "aws_s3_v2_bucket",
    "aws_s3_v2_directory",
    "aws_s3_v2_object",
    "aws_s3_v2_resource_set",
    "azure_sql_table",
    "azure_sql_mi_table",
    "azure_synapse_dedicated_sql_table",
    "azure_synapse_serverless_sql_table",
    "azure_postgresql_table",
    "azure_mysql_table",
    "azure_mariadb_table",
    "azure_data_explorer_table",
    "azure_cosmosdb_sqlapi_collection",
    "mssql_table",
    "postgresql_table",
    "mysql_table",
    "oracle_table",
    "db2_table",
    "snowflake_table",
)
"""Every type a dataset may be referenced by, but for those of the user's own rules."""

COLUMN_TYPES = {"databricks_table": "databricks_table_column", "databricks_view": "databricks_view_column"}
"""The types of the columns of assets, by the type of these, as far as it is known how the scan names columns."""

Reference = dict[str, str | dict[str, str]]

Reason = str
"""Why a dataset has no asset."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A dataset as Purview knows it."""

    type_name: str
    qualified_name: str

    @property
    def name(self) -> str:
        """The name the scan gives: the last part of the qualified name."""
        if self.type_name in HIVE_TYPES:
            return self.qualified_name.partition("@")[0].rpartition(".")[2]
        return self.qualified_name.rstrip("/").rpartition("/")[2]

    def column(self, name: str) -> "Asset | None":
        """The asset of a column, spelled as the scan spells it; None where it is not known what it is called."""
        kind = COLUMN_TYPES.get(self.type_name)
        return Asset(kind, f"{self.qualified_name}/columns/{name}") if kind else None

    @property
    def reference(self) -> Reference:
        """How another entity points at it."""
        return {"typeName": self.type_name, "uniqueAttributes": {"qualifiedName": self.qualified_name}}
