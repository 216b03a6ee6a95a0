"""What Purview's own scans make of datasets: types and qualified names. The miner references them, never makes them."""

from dataclasses import dataclass

HIVE_TYPES = ("hive_table", "hive_view")

DATASET_TYPES = (
    "databricks_table",
    "databricks_view",
    *HIVE_TYPES,
    "azure_datalake_gen2_filesystem",
    "azure_datalake_gen2_path",
    "azure_blob_container",
    "azure_blob_path",
    "azure_datalake_gen1_path",
    "aws_s3_v2_bucket",
    "aws_s3_v2_directory",
)
"""Every type a dataset may be referenced by."""

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
        return self.qualified_name.rpartition("/")[2]

    @property
    def reference(self) -> Reference:
        """How another entity points at it."""
        return {"typeName": self.type_name, "uniqueAttributes": {"qualifiedName": self.qualified_name}}
