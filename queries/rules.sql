-- Rules of identity that every query shares, as SQL functions that the reader inlines before a query runs.
-- They stay within what Spark, Databricks and DuckDB answer alike; regular expressions within what Java and RE2 share:
-- `\\z`, for Java's `$` stands before a last line break too; `(?s)`, for Java's `.` leaves out more line breaks; and no
-- group repeated for every segment of a path, on which Java's stack grows.

-- A table's name without what a tool adds for one run: dbt's temporary, staging and backup relations, and the
-- internal tables behind materialized views and streaming tables.
-- https://docs.getdbt.com/reference/resource-configs/databricks-configs
CREATE FUNCTION clean_name(raw STRING) RETURNS STRING RETURN
  CASE WHEN contains(raw, '__') THEN
    regexp_replace(
      regexp_replace(
        regexp_replace(raw, '(?is)^(.+?)__dbt_(?:tmp|stg|backup)(?:[_0-9].*)?\\z', '$1'),
        '(?is)^__materialization_mat_[0-9a-f]{8}[_-]?[0-9a-f]{4}[_-]?[0-9a-f]{4}[_-]?[0-9a-f]{4}[_-]?[0-9a-f]{12}_(.+)_[0-9]+\\z',
        '$1'),
      '(?is)^__materialization_mat_[^_]+_(.+)_[0-9]+\\z', '$1')
  ELSE raw END;

-- A path (blanks around it gone) with one spelling of its scheme and host, its own case, no doubled or trailing slash.
-- https://openlineage.io/docs/spec/naming
CREATE FUNCTION plain_path(raw STRING) RETURNS STRING RETURN
  regexp_replace(
    regexp_replace(
      concat(
        CASE lower(regexp_extract(raw, '^([A-Za-z][A-Za-z0-9+.-]*):', 1))
          WHEN 's3a' THEN 's3:' WHEN 's3n' THEN 's3:' WHEN 'abfs' THEN 'abfss:' WHEN 'wasb' THEN 'wasbs:'
          WHEN '' THEN CASE WHEN raw LIKE '/dbfs/%' OR raw LIKE '/mnt/%' THEN 'dbfs:' ELSE '' END
          ELSE lower(regexp_extract(raw, '^([A-Za-z][A-Za-z0-9+.-]*:)', 1)) END,
        lowered(regexp_extract(raw, '^[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)', 1)),
        regexp_replace(
          regexp_replace(raw, '^(?:[A-Za-z][A-Za-z0-9+.-]*:(?://[^/]*)?|/dbfs(/))', '$1'),
          '/+', '/')),
      '/+\\z', ''),
    '^dbfs:(/Volumes/)', '$1');

-- A path without the segments that would make a dataset of every day or file: files and logs of a table's folder,
-- key=value and dated partitions, files named after a date, a counter or a GUID. The first segment always stays.
-- https://github.com/OpenLineage/OpenLineage (DatasetReducer and its trimmers)
CREATE FUNCTION clean_path(raw STRING) RETURNS STRING RETURN
  nullif(regexp_replace(
    regexp_replace(
      regexp_replace(
        regexp_replace(
          plain_path(trim(raw)),
          '(?s)^((?:[a-z][a-z0-9+.-]*:(?://[^/]*)?)?/[^/].*?)/(?:_delta_log|_change_data|_spark_metadata)(?:/.*)?\\z', '$1'),
        '(?s)^((?:[a-z][a-z0-9+.-]*:(?://[^/]*)?)?/[^/].*?)/[^/=]+=[^/]*(?:/.*)?\\z', '$1'),
      '(?s)^((?:[a-z][a-z0-9+.-]*:(?://[^/]*)?)?/[^/].*)/(?:part-[0-9]{4,}[^/]*|[^/]*(?:[0-9]{6}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4})[^/]*[.][A-Za-z][A-Za-z0-9.]*)\\z',
      '$1'),
    '(?s)^((?:[a-z][a-z0-9+.-]*:(?://[^/]*)?)?/[^/].*?)(?:/(?:19|20)[0-9]{2}/(?:0?[1-9]|1[0-2])(?:/(?:0?[1-9]|[12][0-9]|3[01])(?:/(?:[01]?[0-9]|2[0-3]))?)?|/(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])(?:-?(?:0[1-9]|[12][0-9]|3[01])(?:[T_-]?[0-9]{2,6}Z?)?)?)+\\z',
    '$1'), '');

-- The path of a dataset that is no table: a table's row names its storage too.
CREATE FUNCTION path_unless_named(name STRING, path STRING) RETURNS STRING RETURN
  CASE WHEN unquoted(name) IS NULL THEN clean_path(path) END;

-- A column name with its length, so that no two lists of names read alike.
CREATE FUNCTION part(text STRING) RETURNS STRING RETURN concat(cast(length(text) AS STRING), ':', text);

-- A name as it is compared. Unity Catalog keeps names of catalogs, schemas and tables in lower case.
CREATE FUNCTION folded(raw STRING) RETURNS STRING RETURN nullif(lowered(trim(BOTH '`' FROM raw)), '');

-- Lower case that every engine answers alike: of all letters, these two alone become more than one letter, or another
-- one by the letters around them, where an engine follows Unicode to the end.
-- https://www.unicode.org/Public/UCD/latest/ucd/SpecialCasing.txt
CREATE FUNCTION lowered(raw STRING) RETURNS STRING RETURN lower(replace(replace(raw, 'İ', 'i̇'), 'Σ', 'σ'));

CREATE FUNCTION unquoted(raw STRING) RETURNS STRING RETURN nullif(trim(BOTH '`' FROM raw), '');

-- Identities are hashed over their parts with a control character between, which no name can hold.
-- https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-names
CREATE FUNCTION dataset_key(metastore STRING, catalog STRING, schema STRING, name STRING, path STRING)
RETURNS STRING RETURN
  md5(concat_ws(
    char(31), metastore, coalesce(catalog, ''), coalesce(schema, ''), coalesce(name, ''), coalesce(path, '')));

CREATE FUNCTION edge_key(
  metastore STRING, workspace STRING, kind STRING, id STRING,
  from_catalog STRING, from_schema STRING, from_name STRING, from_path STRING,
  to_catalog STRING, to_schema STRING, to_name STRING, to_path STRING)
RETURNS STRING RETURN
  md5(concat_ws(
    char(31), metastore, workspace, kind, id,
    coalesce(from_catalog, ''), coalesce(from_schema, ''), coalesce(from_name, ''), coalesce(from_path, ''),
    coalesce(to_catalog, ''), coalesce(to_schema, ''), coalesce(to_name, ''), coalesce(to_path, '')));

-- A column's identity is hashed over its dataset's and its folded name.
CREATE FUNCTION column_key(dataset STRING, name STRING) RETURNS STRING RETURN
  md5(concat_ws(char(31), dataset, name));

CREATE FUNCTION process_key(metastore STRING, workspace STRING, kind STRING, id STRING) RETURNS STRING RETURN
  md5(concat_ws(char(31), metastore, workspace, kind, id));

-- Whether a statement's text is there to be read: it is empty with customer-managed keys, and masked for who may not see it.
CREATE FUNCTION shows(raw STRING) RETURNS BOOLEAN RETURN trim(raw) NOT IN ('', '<REDACTED>', '__REDACTED__');

-- What an event was part of, most telling first. Every alert carries a hidden job; Genie rows carry no entity type;
-- a job's notebook is recorded as a notebook.
-- https://docs.databricks.com/aws/en/admin/system-tables/lineage
CREATE FUNCTION process_kind(
  alert STRING, genie STRING, dashboard STRING, legacy STRING, pipeline STRING, job STRING, notebook STRING,
  query STRING, entity_type STRING, entity_id STRING)
RETURNS STRING RETURN
  CASE
    WHEN alert <> '' THEN 'alert'
    WHEN genie <> '' THEN 'genie_space'
    WHEN dashboard <> '' THEN 'dashboard'
    WHEN legacy <> '' THEN 'legacy_dashboard'
    WHEN pipeline <> '' THEN 'pipeline'
    WHEN job <> '' THEN 'job'
    WHEN notebook <> '' THEN 'notebook'
    WHEN query <> '' THEN 'query'
    WHEN entity_id <> '' AND entity_type <> '' THEN
      CASE upper(entity_type) WHEN 'DASHBOARD_V3' THEN 'dashboard' WHEN 'DBSQL_DASHBOARD' THEN 'legacy_dashboard'
        WHEN 'DBSQL_QUERY' THEN 'query' ELSE lower(entity_type) END
    ELSE 'ad_hoc' END;

-- The same of a lineage row's entity, and its id.
CREATE FUNCTION process_kind_of(
  entity STRUCT<
    alert_id STRING, genie_space_id STRING, dashboard_id STRING, legacy_dashboard_id STRING,
    dlt_pipeline_info STRUCT<dlt_pipeline_id STRING>, job_info STRUCT<job_id STRING>, notebook_id STRING,
    sql_query_id STRING>,
  entity_type STRING, entity_id STRING)
RETURNS STRING RETURN
  process_kind(
    entity.alert_id, entity.genie_space_id, entity.dashboard_id, entity.legacy_dashboard_id,
    entity.dlt_pipeline_info.dlt_pipeline_id, entity.job_info.job_id, entity.notebook_id, entity.sql_query_id,
    entity_type, entity_id);

CREATE FUNCTION process_id_of(
  entity STRUCT<
    alert_id STRING, genie_space_id STRING, dashboard_id STRING, legacy_dashboard_id STRING,
    dlt_pipeline_info STRUCT<dlt_pipeline_id STRING>, job_info STRUCT<job_id STRING>, notebook_id STRING,
    sql_query_id STRING>,
  entity_type STRING, entity_id STRING)
RETURNS STRING RETURN
  coalesce(
    nullif(entity.alert_id, ''), nullif(entity.genie_space_id, ''), nullif(entity.dashboard_id, ''),
    nullif(entity.legacy_dashboard_id, ''), nullif(entity.dlt_pipeline_info.dlt_pipeline_id, ''),
    nullif(entity.job_info.job_id, ''), nullif(entity.notebook_id, ''), nullif(entity.sql_query_id, ''),
    CASE WHEN entity_type <> '' THEN nullif(entity_id, '') END);

-- Why an end is left out by the settings, NULL when it is not. Lists of names speak of tables, lists of paths of
-- paths; a list that the settings leave empty is NULL and decides nothing.
CREATE FUNCTION excluded_end(catalog STRING, schema STRING, name STRING, path STRING) RETURNS STRING RETURN
  CASE
    WHEN name IS NULL THEN
      CASE
        WHEN path RLIKE :excluded_paths THEN 'excluded_path'
        WHEN NOT path RLIKE :included_paths THEN 'not_included_path' END
    WHEN catalog RLIKE :excluded_catalogs THEN 'excluded_catalog'
    WHEN schema RLIKE :excluded_schemas THEN 'excluded_schema'
    WHEN concat(catalog, '.', schema) RLIKE :excluded_qualified_schemas THEN 'excluded_schema'
    WHEN name RLIKE :excluded_tables THEN 'excluded_table'
    WHEN concat(catalog, '.', schema, '.', name) RLIKE :excluded_qualified_tables THEN 'excluded_table'
    WHEN NOT catalog RLIKE :included_catalogs THEN 'not_included_catalog'
    WHEN NOT concat(catalog, '.', schema) RLIKE :included_schemas THEN 'not_included_schema'
    WHEN NOT concat(catalog, '.', schema, '.', name) RLIKE :included_tables THEN 'not_included_table' END;

-- The first of the settings' rules (one regular expression a line) that an excluded value matches.
CREATE FUNCTION rule_of(value STRING, rules STRING) RETURNS STRING RETURN
  element_at(filter(split(rules, '\n'), rule -> value RLIKE rule), 1);

CREATE FUNCTION rule_of_end(reason STRING, catalog STRING, schema STRING, name STRING, path STRING)
RETURNS STRING RETURN
  CASE reason
    WHEN 'excluded_catalog' THEN rule_of(catalog, :catalog_rules)
    WHEN 'excluded_schema' THEN rule_of(concat(catalog, '.', schema), :schema_rules)
    WHEN 'excluded_table' THEN rule_of(concat(catalog, '.', schema, '.', name), :table_rules)
    WHEN 'excluded_path' THEN rule_of(path, :path_rules) END;

CREATE FUNCTION spelling(catalog STRING, schema STRING, name STRING, path STRING) RETURNS STRING RETURN
  CASE WHEN name IS NULL THEN path ELSE concat(catalog, '.', schema, '.', name) END;

-- The one fate of a row, reasons in the documented order (docs/how-it-works.md): the first that holds is the row's.
CREATE FUNCTION row_fate(
  workspace STRING, process_kind STRING, source_excluded STRING, target_excluded STRING,
  from_catalog STRING, from_schema STRING, from_name STRING, from_path STRING,
  to_catalog STRING, to_schema STRING, to_name STRING, to_path STRING, direct_access BOOLEAN)
RETURNS STRING RETURN
  CASE
    WHEN workspace RLIKE :excluded_workspaces THEN 'excluded_workspace'
    WHEN NOT workspace RLIKE :included_workspaces THEN 'not_included_workspace'
    WHEN process_kind RLIKE :excluded_kinds THEN 'excluded_process_kind'
    WHEN NOT process_kind RLIKE :included_kinds THEN 'not_included_process_kind'
    WHEN incomplete(from_catalog, from_schema, from_name) OR incomplete(to_catalog, to_schema, to_name)
      THEN 'incomplete_name'
    WHEN coalesce(from_name, from_path, to_name, to_path) IS NULL THEN 'no_dataset'
    WHEN source_excluded IS NOT NULL THEN source_excluded
    WHEN target_excluded IS NOT NULL THEN target_excluded
    WHEN coalesce(to_name, to_path) IS NULL AND NOT consumes(process_kind) THEN 'read_only'
    WHEN coalesce(from_name, from_path) IS NULL THEN 'write_only'
    WHEN same_dataset(from_catalog, from_schema, from_name, from_path, to_catalog, to_schema, to_name, to_path)
      THEN 'self_edge'
    WHEN NOT coalesce(direct_access, TRUE) THEN 'indirect'
    ELSE 'kept' END;

-- Kinds of process that write nothing and are looked at: who reads is told by the row, so that it is its own target.
CREATE FUNCTION consumes(process_kind STRING) RETURNS BOOLEAN RETURN
  process_kind IN ('alert', 'dashboard', 'genie_space', 'legacy_dashboard');

-- The path of a kept row's target, NULL of a table: its own, else that of the consumer.
CREATE FUNCTION end_path(workspace STRING, process_kind STRING, process_id STRING, to_name STRING, to_path STRING)
RETURNS STRING RETURN
  coalesce(
    to_path,
    CASE WHEN to_name IS NULL THEN concat('uc-miner://', workspace, '/', process_kind, '/', process_id) END);

CREATE FUNCTION incomplete(catalog STRING, schema STRING, name STRING) RETURNS BOOLEAN RETURN
  name IS NOT NULL AND (schema IS NULL OR catalog IS NULL);

CREATE FUNCTION same_dataset(
  from_catalog STRING, from_schema STRING, from_name STRING, from_path STRING,
  to_catalog STRING, to_schema STRING, to_name STRING, to_path STRING)
RETURNS BOOLEAN RETURN
  from_name <=> to_name AND from_schema <=> to_schema AND from_catalog <=> to_catalog AND from_path <=> to_path;

-- The glob (as its regular expression) that left a row out; NULL for other fates, `not_included_*` with them.
CREATE FUNCTION row_rule(
  fate STRING, workspace STRING, process_kind STRING,
  source_excluded STRING, from_catalog STRING, from_schema STRING, from_name STRING, from_path STRING,
  target_excluded STRING, to_catalog STRING, to_schema STRING, to_name STRING, to_path STRING)
RETURNS STRING RETURN
  CASE
    WHEN fate = 'excluded_workspace' THEN rule_of(workspace, :workspace_rules)
    WHEN fate = 'excluded_process_kind' THEN rule_of(process_kind, :kind_rules)
    WHEN fate LIKE 'excluded%' THEN coalesce(
      rule_of_end(source_excluded, from_catalog, from_schema, from_name, from_path),
      rule_of_end(target_excluded, to_catalog, to_schema, to_name, to_path)) END;

-- The one fate of a row for usage: kept when either end counts. The miner's own reads are known by its principal
-- together with its configured tables.
CREATE FUNCTION usage_fate(
  workspace STRING, process_kind STRING, created_by STRING, source_excluded STRING, target_excluded STRING,
  from_catalog STRING, from_schema STRING, from_name STRING, from_path STRING,
  to_catalog STRING, to_schema STRING, to_name STRING, to_path STRING)
RETURNS STRING RETURN
  CASE
    WHEN workspace RLIKE :excluded_workspaces THEN 'excluded_workspace'
    WHEN NOT workspace RLIKE :included_workspaces THEN 'not_included_workspace'
    WHEN process_kind RLIKE :excluded_kinds THEN 'excluded_process_kind'
    WHEN NOT process_kind RLIKE :included_kinds THEN 'not_included_process_kind'
    WHEN incomplete(from_catalog, from_schema, from_name) OR incomplete(to_catalog, to_schema, to_name)
      THEN 'incomplete_name'
    WHEN coalesce(from_name, from_path, to_name, to_path) IS NULL THEN 'no_dataset'
    WHEN lowered(created_by) = lowered(:principal) AND coalesce(to_name, to_path) IS NULL
      AND array_contains(split(lowered(:own_tables), '\n'), concat(from_catalog, '.', from_schema, '.', from_name))
      THEN 'own_read'
    WHEN (source_excluded IS NOT NULL OR coalesce(from_name, from_path) IS NULL)
      AND (target_excluded IS NOT NULL OR coalesce(to_name, to_path) IS NULL)
      THEN coalesce(source_excluded, target_excluded)
    ELSE 'kept' END;

-- The list price of a unit at a time: what applied then, temporary prices for everybody with it.
-- https://docs.databricks.com/aws/en/admin/system-tables/pricing
CREATE FUNCTION list_price(effective DECIMAL(38, 18), promotional DECIMAL(38, 18), published DECIMAL(38, 18))
RETURNS DECIMAL(18, 9) RETURN cast(coalesce(effective, promotional, published) AS DECIMAL(18, 9));

-- Billionths of the currency's unit, a whole number. The types keep every digit on every engine until the one rounding.
CREATE FUNCTION charge(quantity DECIMAL(38, 18), price DECIMAL(18, 9)) RETURNS BIGINT RETURN
  cast(cast(round(cast(quantity AS DECIMAL(18, 9)) * price, 9) AS DECIMAL(27, 9)) * 1000000000 AS BIGINT);

-- A part of an amount, cut to a whole number. Parts of one amount up to growing shares, the last of which is 1, differ by
-- whole numbers that add up to the amount; doubles hold these numbers exactly up to nine million units of a currency.
CREATE FUNCTION up_to(amount BIGINT, share DOUBLE) RETURNS BIGINT RETURN cast(floor(amount * share) AS BIGINT);

-- Whole milliseconds since 1970: engines differ in what their own functions make of the rest.
CREATE FUNCTION millis(at TIMESTAMP) RETURNS BIGINT RETURN
  cast((unix_micros(at) - unix_micros(at) % 1000) / 1000 AS BIGINT);

-- Milliseconds since 1970 at the beginning of a UTC hour, and which hour of its day that is.
CREATE FUNCTION hour_begin(at BIGINT) RETURNS BIGINT RETURN at - at % 3600000;

CREATE FUNCTION hour_of_day(at BIGINT) RETURNS BIGINT RETURN cast((at % 86400000) / 3600000 AS BIGINT);

-- How long two spans of milliseconds overlap.
CREATE FUNCTION overlap(one_from BIGINT, one_to BIGINT, other_from BIGINT, other_to BIGINT) RETURNS BIGINT RETURN
  least(one_to, other_to) - greatest(one_from, other_from);

-- The one fate of a row for usage of columns, given its fate for usage: kept when it is a direct read of a named column of
-- a source that counts.
CREATE FUNCTION column_fate(
  usage STRING, source_excluded STRING, from_name STRING, from_path STRING, source_column STRING, to_itself BOOLEAN,
  direct BOOLEAN)
RETURNS STRING RETURN
  CASE
    WHEN usage <> 'kept' THEN usage
    WHEN source_excluded IS NOT NULL THEN source_excluded
    WHEN coalesce(from_name, from_path) IS NULL THEN 'write_only'
    WHEN source_column IS NULL THEN 'no_column'
    WHEN to_itself THEN 'self_read'
    WHEN NOT direct THEN 'indirect'
    ELSE 'kept' END;

-- What a statement's text says, whatever its literals, comments, blanks, case and the length of its lists (docs/usage.md):
-- escapes, then comments, then literals in place of which a `?` stands, then lists of them, then blanks.
-- \x27, \x22 and \x60 are quotes: of texts, of texts, of names. A name is put back with the `?` that its own place in
-- the alternation brings, since a replacement cannot tell which alternative it stands for; then that one is taken away.
CREATE FUNCTION plain_statement(raw STRING) RETURNS STRING RETURN
  lowered(regexp_replace(spaced(listed(without_literals(without_comments(raw)))), '^ |[ ;]+\\z', ''));

CREATE FUNCTION without_comments(raw STRING) RETURNS STRING RETURN
  regexp_replace(
    regexp_replace(raw, '\\\\[^\\n\\r]', '_'),
    '(?s)(\\x27[^\\x27]*\\x27|\\x22[^\\x22]*\\x22|\\x60[^\\x60]*\\x60)|--[^\\n\\r]*|/[*].*?[*]/', '$1 ');

CREATE FUNCTION without_literals(raw STRING) RETURNS STRING RETURN
  regexp_replace(
    regexp_replace(
      raw,
      '(\\x60[^\\x60]*\\x60|[A-Za-z_\\x{80}-\\x{10FFFF}][A-Za-z0-9_\\x{80}-\\x{10FFFF}]*|[0-9]+_[A-Za-z0-9_\\x{80}-\\x{10FFFF}]*)|\\x27[^\\x27]*\\x27|\\x22[^\\x22]*\\x22|[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?[A-Za-z0-9]*',
      '$1?'),
    '(\\x60[^\\x60]*\\x60|[A-Za-z0-9_\\x{80}-\\x{10FFFF}]+)[?]', '$1');

-- Neighbouring literals as one, lists of literals as one, and lists of such lists, as VALUES has them.
CREATE FUNCTION listed(raw STRING) RETURNS STRING RETURN
  regexp_replace(
    regexp_replace(
      regexp_replace(raw, '[?][\\s\\x0B?]*', ' ? '),
      '[(][\\s\\x0B+-]*[?][\\s\\x0B?,+-]*[)]', '(?)'),
    '[(][?][)][\\s\\x0B,()?]*[(][?][)]', '(?)');

-- Plain names without their quotes, and one blank where there is one between words, or could be.
CREATE FUNCTION spaced(raw STRING) RETURNS STRING RETURN
  regexp_replace(
    regexp_replace(
      regexp_replace(
        regexp_replace(
          regexp_replace(
            regexp_replace(raw, '\\x60([A-Za-z_][A-Za-z0-9_]*)\\x60', '$1'),
            '([=<>!+*/%|]+|[-,();])', ' $1 '),
          '[\\s\\x0B]+', ' '),
        ' ?[.] ?', '.'),
      '[(] ', '('),
    ' ([,);])', '$1');

-- The one fate of a row of the query history: `no_text` counts as `kept` does, by type of statement.
CREATE FUNCTION statement_fate(
  workspace STRING, process_kind STRING, statement STRING, executed_by STRING, tagged BOOLEAN, text STRING)
RETURNS STRING RETURN
  CASE
    WHEN workspace RLIKE :excluded_workspaces THEN 'excluded_workspace'
    WHEN NOT workspace RLIKE :included_workspaces THEN 'not_included_workspace'
    WHEN process_kind RLIKE :excluded_kinds THEN 'excluded_process_kind'
    WHEN NOT process_kind RLIKE :included_kinds THEN 'not_included_process_kind'
    WHEN statement IS NULL THEN 'no_statement'
    WHEN lowered(executed_by) = lowered(:principal) AND tagged THEN 'own_statement'
    WHEN text IS NULL THEN 'no_text'
    ELSE 'kept' END;
