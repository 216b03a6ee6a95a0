"""The documented schemas of the Databricks system tables the product reads, complete and in the documented order.

Instants are UTC, to the microsecond; `event_date` is the UTC calendar day. Databricks adds columns and struct
fields at any time, and older accounts and cloned views lack the newest ones: read these schemas as the newest
shape known, never as a promise of what a given account has.
"""

import pyarrow as pa

from miner.schemas import INSTANT

Columns = list[tuple[str, pa.DataType]]


def _texts(names: str) -> Columns:
    return [(name, pa.string()) for name in names.split()]


def _counts(names: str) -> Columns:
    return [(name, pa.int64()) for name in names.split()]


def _instants(names: str) -> Columns:
    return [(name, INSTANT) for name in names.split()]


def _struct(names: str, *more: tuple[str, pa.DataType]) -> pa.StructType:
    return pa.struct([*_texts(names), *more])


TAGS = pa.map_(pa.string(), pa.string())

ENTITY_METADATA = pa.struct(
    [
        ("job_info", _struct("job_id job_run_id")),
        *_texts("dashboard_id legacy_dashboard_id notebook_id sql_query_id"),
        ("dlt_pipeline_info", _struct("dlt_pipeline_id dlt_update_id")),
        *_texts("genie_space_id alert_id"),
    ]
)
"""The ids of the whole context a statement ran in; several may be set at once."""


def _lineage_end(end: str) -> Columns:
    names = f"{end}_table_full_name {end}_table_catalog {end}_table_schema {end}_table_name {end}_path {end}_type"
    return _texts(names)


_WHO_RAN = _texts("account_id metastore_id workspace_id entity_type entity_id entity_run_id")
_WHEN_AND_IDS: Columns = [
    *_texts("created_by"),
    ("event_time", INSTANT),
    ("event_date", pa.date32()),
    *_texts("record_id event_id statement_id"),
    ("entity_metadata", ENTITY_METADATA),
    ("direct_access", pa.bool_()),
]

TABLE_LINEAGE = pa.schema([*_WHO_RAN, *_lineage_end("source"), *_lineage_end("target"), *_WHEN_AND_IDS])
"""26 columns; https://docs.databricks.com/aws/en/admin/system-tables/lineage"""

COLUMN_LINEAGE = pa.schema(
    [
        *_WHO_RAN,
        *_lineage_end("source"),
        *_texts("source_column_name"),
        *_lineage_end("target"),
        *_texts("target_column_name"),
        *_WHEN_AND_IDS,
    ]
)
"""28 columns; https://docs.databricks.com/aws/en/admin/system-tables/lineage"""

COMPUTE = _struct("type cluster_id warehouse_id")

QUERY_SOURCE = pa.struct(
    [
        ("job_info", _struct("job_id job_run_id job_task_run_id")),
        *_texts("legacy_dashboard_id dashboard_id alert_id notebook_id sql_query_id genie_space_id"),
        ("pipeline_info", _struct("pipeline_id update_id")),
    ]
)

_DATA_TYPE = _struct("type_name type_ddl")
_EXPRESSIONS = pa.list_(_struct("tag", ("data_type", _DATA_TYPE), ("literal", _struct("string_value"))))

QUERY_PARAMETERS = pa.struct(
    [
        ("named_parameters", pa.map_(pa.string(), pa.struct([("exprs", _EXPRESSIONS)]))),
        ("pos_parameters", pa.list_(pa.struct([("exprs", _EXPRESSIONS)]))),
        ("truncated", pa.bool_()),
    ]
)
"""Reduced: a documented expression has some twenty fields more. May hold personal data; nothing of ours reads it."""

QUERY_HISTORY = pa.schema(
    [
        *_texts("account_id workspace_id statement_id executed_by executed_by_user_id executed_as executed_as_user_id"),
        *_texts("session_id execution_status"),
        ("compute", COMPUTE),
        *_texts("statement_text statement_type error_message client_application client_driver"),
        *_counts("total_duration_ms waiting_for_compute_duration_ms waiting_at_capacity_duration_ms"),
        *_counts("execution_duration_ms compilation_duration_ms total_task_duration_ms result_fetch_duration_ms"),
        *_instants("start_time end_time update_time"),
        *_counts("read_partitions pruned_files read_files read_rows produced_rows read_bytes"),
        ("read_io_cache_percent", pa.int8()),
        ("from_result_cache", pa.bool_()),
        *_counts("spilled_local_bytes written_bytes written_rows written_files shuffle_read_bytes"),
        *_texts("cache_origin_statement_id"),
        ("query_source", QUERY_SOURCE),
        ("query_parameters", QUERY_PARAMETERS),
        ("query_tags", TAGS),
        *_counts("pruned_files_bytes read_files_bytes"),
    ]
)
"""44 columns; https://docs.databricks.com/aws/en/admin/system-tables/query-history"""

AUDIT = pa.schema(
    [
        *_texts("account_id version"),
        *_instants("event_time"),
        ("event_date", pa.date32()),
        *_texts("workspace_id event_id source_ip_address user_agent session_id"),
        ("user_identity", _struct("email subject_name")),
        *_texts("service_name action_name request_id"),
        ("request_params", TAGS),
        ("response", pa.struct([("status_code", pa.int32()), *_texts("error_message result")])),
        *_texts("audit_level"),
        ("identity_metadata", _struct("run_by run_as acting_resource")),
    ]
)
"""17 columns; https://docs.databricks.com/aws/en/admin/system-tables/audit-logs"""

INFORMATION_SCHEMA_TABLE_SHARE_USAGE = pa.schema(
    [
        *_texts("catalog_name schema_name table_name share_name partition_spec cdf_enabled"),
        *_counts("start_version"),
        *_texts("shared_as_schema shared_as_table comment"),
    ]
)
"""10 columns; https://docs.databricks.com/aws/en/sql/language-manual/information-schema/table_share_usage"""

INFORMATION_SCHEMA_TABLES = pa.schema(
    [
        *_texts("table_catalog table_schema table_name table_type"),
        *_texts("is_insertable_into commit_action table_owner comment"),
        *_instants("created"),
        *_texts("created_by"),
        *_instants("last_altered"),
        *_texts("last_altered_by data_source_format storage_path storage_sub_directory"),
    ]
)
"""15 columns; https://docs.databricks.com/aws/en/sql/language-manual/information-schema/tables"""

INFORMATION_SCHEMA_COLUMNS = pa.schema(
    [
        *_texts("table_catalog table_schema table_name column_name"),
        ("ordinal_position", pa.int32()),
        *_texts("column_default is_nullable full_data_type data_type"),
        ("character_maximum_length", pa.int32()),
        *_texts("character_octet_length"),
        *((name, pa.int32()) for name in ("numeric_precision", "numeric_precision_radix", "numeric_scale")),
        ("datetime_precision", pa.int32()),
        *_texts("interval_type"),
        *((name, pa.int32()) for name in ("interval_precision", "maximum_cardinality")),
        *_texts("is_identity identity_generation identity_start identity_increment identity_maximum identity_minimum"),
        *_texts("identity_cycle is_generated generation_expression is_system_time_period_start"),
        *_texts("is_system_time_period_end system_time_period_timestamp_generation is_updatable"),
        ("partition_index", pa.int32()),
        *_texts("comment"),
    ]
)
"""33 columns; https://docs.databricks.com/aws/en/sql/language-manual/information-schema/columns"""

INFORMATION_SCHEMA_VIEWS = pa.schema(
    _texts(
        "table_catalog table_schema table_name view_definition check_option is_updatable is_insertable_into sql_path "
        "is_materialized"
    )
)
"""9 columns; https://docs.databricks.com/aws/en/sql/language-manual/information-schema/views"""

_HEALTH_RULES = pa.list_(_struct("metric operator", ("value", pa.int64())))

LAKEFLOW_JOBS = pa.schema(
    [
        *_texts("account_id workspace_id job_id name description creator_id"),
        ("tags", TAGS),
        *_instants("change_time delete_time"),
        *_texts("run_as"),
        ("trigger", pa.struct([("schedule", _struct("quartz_cron_expression timezone_id"))])),
        *_texts("trigger_type run_as_user_name creator_user_name"),
        ("paused", pa.bool_()),
        *_counts("timeout_seconds"),
        ("health_rules", _HEALTH_RULES),
        ("deployment", _struct("kind metadata_file_path")),
        *_instants("create_time"),
    ]
)
"""19 columns, a row per version of a job; https://docs.databricks.com/aws/en/admin/system-tables/jobs

`trigger` is reduced to its schedule; documented too: file_arrival, periodic, continuous, table_update.
"""

JOB_TASKS = pa.schema(
    [
        *_texts("account_id workspace_id job_id task_key"),
        ("depends_on_keys", pa.list_(pa.string())),
        *_instants("change_time delete_time"),
        *_counts("timeout_seconds"),
        ("health_rules", _HEALTH_RULES),
    ]
)
"""9 columns, a row per version of a task; https://docs.databricks.com/aws/en/admin/system-tables/jobs"""

JOB_RUN_TIMELINE = pa.schema(
    [
        *_texts("account_id workspace_id job_id run_id"),
        *_instants("period_start_time period_end_time"),
        *_texts("trigger_type run_type run_name"),
        ("compute_ids", pa.list_(pa.string())),
        *_texts("result_state termination_code"),
        ("job_parameters", TAGS),
    ]
)
"""13 columns, a row per hour or less of a run; https://docs.databricks.com/aws/en/admin/system-tables/jobs

The columns every account has; newer ones (durations, termination_type, root_task_run_id, …) are left out.
"""

PIPELINES = pa.schema(
    [
        *_texts("account_id workspace_id pipeline_id pipeline_type name created_by run_as"),
        ("tags", TAGS),
        (
            "settings",
            pa.struct(
                [
                    *((name, pa.bool_()) for name in ("photon", "development", "continuous", "serverless")),
                    *_texts("edition channel"),
                ]
            ),
        ),
        ("configuration", TAGS),
        *_instants("change_time delete_time create_time"),
    ]
)
"""13 columns, a row per version of a pipeline; https://docs.databricks.com/aws/en/admin/system-tables/jobs"""

WORKSPACES_LATEST = pa.schema(
    [*_texts("account_id workspace_id workspace_name workspace_url"), *_instants("create_time"), *_texts("status")]
)
"""6 columns; https://docs.databricks.com/aws/en/admin/system-tables/workspaces"""

INFORMATION_SCHEMA_SCHEMATA = pa.schema(
    [
        *_texts("catalog_name schema_name schema_owner comment"),
        *_instants("created"),
        *_texts("created_by"),
        *_instants("last_altered"),
        *_texts("last_altered_by"),
    ]
)
"""8 columns, a row per schema the reader may use; a preflight alone asks for it.

https://docs.databricks.com/aws/en/sql/language-manual/information-schema/schemata
"""

MONEY = pa.decimal128(38, 18)

USAGE_METADATA = pa.struct(
    [
        *_texts("cluster_id job_id warehouse_id instance_pool_id node_type job_run_id notebook_id dlt_pipeline_id"),
        *_texts("endpoint_name endpoint_id dlt_update_id dlt_maintenance_id metastore_id run_name job_name"),
        *_texts("notebook_path central_clean_room_id source_region destination_region app_id app_name"),
        *_texts("budget_policy_id storage_api_type ai_runtime_workload_id uc_table_catalog uc_table_schema"),
        *_texts("uc_table_name database_instance_id sharing_materialization_id usage_policy_id agent_bricks_id"),
        *_texts("base_environment_id"),
    ]
)
"""What was used: the ids that apply, most of them NULL."""

PRODUCT_FEATURES = pa.struct(
    [
        *_texts("jobs_tier sql_tier dlt_tier"),
        *((name, pa.bool_()) for name in ("is_serverless", "is_photon")),
        *_texts("serving_type"),
        ("networking", _struct("connectivity_type")),
        *_texts("performance_target"),
    ]
)
"""Reduced: documented too are structures for serving, gateways, apps and agents, which nothing of ours reads."""

BILLING_USAGE = pa.schema(
    [
        *_texts("account_id workspace_id record_id sku_name cloud"),
        *_instants("usage_start_time usage_end_time"),
        ("usage_date", pa.date32()),
        ("custom_tags", TAGS),
        *_texts("usage_unit"),
        ("usage_quantity", MONEY),
        ("usage_metadata", USAGE_METADATA),
        ("identity_metadata", _struct("run_as owned_by created_by")),
        *_texts("record_type"),
        ("ingestion_date", pa.date32()),
        *_texts("billing_origin_product"),
        ("product_features", PRODUCT_FEATURES),
        *_texts("usage_type"),
    ]
)
"""18 columns, about a row per hour and thing that is used; https://docs.databricks.com/aws/en/admin/system-tables/billing"""

LIST_PRICES = pa.schema(
    [
        *_instants("price_start_time price_end_time"),
        *_texts("account_id sku_name cloud currency_code usage_unit"),
        (
            "pricing",
            pa.struct(
                [
                    ("default", MONEY),
                    ("promotional", pa.struct([("default", MONEY)])),
                    ("effective_list", pa.struct([("default", MONEY)])),
                ]
            ),
        ),
    ]
)
"""8 columns, a row per price while it stood; https://docs.databricks.com/aws/en/admin/system-tables/pricing"""

WAREHOUSE_EVENTS = pa.schema(
    [
        *_texts("account_id workspace_id warehouse_id event_type"),
        ("cluster_count", pa.int32()),
        *_instants("event_time"),
    ]
)
"""6 columns; https://docs.databricks.com/aws/en/admin/system-tables/warehouse-events"""

DOCUMENTED: dict[str, pa.Schema] = {
    "system.access.table_lineage": TABLE_LINEAGE,
    "system.access.column_lineage": COLUMN_LINEAGE,
    "system.access.workspaces_latest": WORKSPACES_LATEST,
    "system.access.audit": AUDIT,
    "system.information_schema.table_share_usage": INFORMATION_SCHEMA_TABLE_SHARE_USAGE,
    "system.query.history": QUERY_HISTORY,
    "system.information_schema.tables": INFORMATION_SCHEMA_TABLES,
    "system.information_schema.columns": INFORMATION_SCHEMA_COLUMNS,
    "system.information_schema.views": INFORMATION_SCHEMA_VIEWS,
    "system.lakeflow.jobs": LAKEFLOW_JOBS,
    "system.lakeflow.job_tasks": JOB_TASKS,
    "system.lakeflow.job_run_timeline": JOB_RUN_TIMELINE,
    "system.lakeflow.pipelines": PIPELINES,
    "system.billing.usage": BILLING_USAGE,
    "system.billing.list_prices": LIST_PRICES,
    "system.compute.warehouse_events": WAREHOUSE_EVENTS,
}
"""Schemas by full table name."""
