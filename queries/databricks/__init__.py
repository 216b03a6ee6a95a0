"""A Databricks SQL warehouse behind the same seam as the embedded one."""
