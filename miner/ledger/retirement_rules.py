"""The rules by which edges are retired, as SQL over one source's settled days.

Each rule adds rows (edge, column set, last day, rule) to `temp.hit`. A row stands for all days of that edge with that
column set: the days up to its last settled one count no more.

Laid down before: `temp.settled` (the settled, mined days), `temp.judged` (targets whose edges may be judged otherwise
than before) and `temp.forced` (edges to be judged in any case).
"""

from miner.ledger import edges

AGED = "aged"
"""The target kept being written without the edge for as many days as an edge may be stale."""
COLUMNS = "columns"
"""The edge kept being seen without these column pairs for as many days."""
REDEFINED = "redefined"
"""The target is a view, and was defined without the edge since."""
REPLACED = "replaced"
"""A statement replaced the target since (CREATE OR REPLACE TABLE)."""
RECREATED = "recreated"
"""The target was dropped and made anew since: it has another managed storage."""
DROPPED = "dropped"
"""One of its ends is in information_schema no more, and moved no data since."""

_TABLES = (
    *("settled", "judged", "forced", "counted", "cut", "view_target", "recreated", "replaced_on", "listed", "dropped"),
    *("suspect", "seen", "last_seen", "written", "pattern", "write_month", "latest", "hit"),
)

LAY_DOWN = (
    *(f"DROP TABLE IF EXISTS temp.{name}" for name in _TABLES),
    "CREATE TEMP TABLE settled (day INTEGER PRIMARY KEY, month INTEGER, bit INTEGER, of_month SMALLINT)",
    "CREATE INDEX temp.settled_by_month ON settled (month, day)",
    "CREATE TEMP TABLE judged (target INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE forced (edge_id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE hit (edge_id INTEGER, set_id INTEGER, day INTEGER, rule TEXT, rank INTEGER)",
)

ALL_TARGETS = "INSERT INTO temp.judged SELECT DISTINCT target_dataset FROM edge"
ALL_RETIRED = "INSERT INTO temp.forced SELECT DISTINCT edge_id FROM edge_retired WHERE source_id = :source"

# Only by a write can a target's edges come to be judged otherwise: until then none of them ages.
WRITTEN_TARGETS = (
    "INSERT OR IGNORE INTO temp.judged SELECT DISTINCT e.target_dataset FROM edge_month m "
    "JOIN edge e ON e.id = m.edge_id WHERE m.source_id = :source AND m.month = :month AND m.day_bits & :bits <> 0"
)

_COUNTED = (
    # The days that count for a workspace: settled, mined, and with rows of its own.
    (
        "CREATE TEMP TABLE counted (workspace_id TEXT, day INTEGER, place INTEGER, PRIMARY KEY (workspace_id, day)) "
        "WITHOUT ROWID"
    ),
    (
        "INSERT INTO temp.counted SELECT w.workspace_id, w.day, "
        "row_number() OVER (PARTITION BY w.workspace_id ORDER BY w.day) FROM day_workspace w "
        "JOIN temp.settled s ON s.day = w.day WHERE w.source_id = :source AND w.stream = 'lineage' AND w.rows > 0"
    ),
    # What was seen on this day or later is too young to be stale by age.
    "CREATE TEMP TABLE cut (workspace_id TEXT PRIMARY KEY, day INTEGER, month INTEGER)",
    (
        "INSERT INTO temp.cut SELECT c.workspace_id, c.day, s.month FROM (SELECT workspace_id, max(place) AS places "
        "FROM temp.counted GROUP BY workspace_id) w JOIN temp.counted c ON c.workspace_id = w.workspace_id "
        "AND c.place = w.places - :stale + 1 JOIN temp.settled s ON s.day = c.day"
    ),
)

_TYPE = "coalesce(d.type, (SELECT min(o.type) FROM table_form o WHERE o.dataset_id = d.id))"

_VIEWS = (
    "CREATE TEMP TABLE view_target (target INTEGER PRIMARY KEY)",
    (
        "INSERT INTO temp.view_target SELECT d.id FROM (SELECT target FROM temp.judged UNION "  # noqa: S608 -- ours
        "SELECT e.target_dataset FROM temp.forced f JOIN edge e ON e.id = f.edge_id) t "
        "JOIN dataset d ON d.id = t.target "
        f"WHERE {_TYPE} IN ('VIEW', 'METRIC_VIEW')"
    ),
)

_MANAGED = (
    "SELECT a.to_id, a.from_id, min(a.first_day) AS first_day, max(a.last_day) AS last_day FROM alias a "
    "JOIN dataset d ON d.id = a.from_id WHERE a.kind = 'dataset' AND d.path LIKE '%/__unitystorage/%/tables/%' "
    "GROUP BY a.to_id, a.from_id"
)

_GONE_FOR = (
    "(SELECT count(DISTINCT k.day) FROM temp.counted k JOIN names_read n ON n.source_id = :source "
    "AND n.part = 'tables' WHERE k.day > g.since_day AND k.day <= n.last_day) >= :dropped"
)

_EVIDENCE = (
    # A table with a managed storage that it did not have as long as it had another one.
    "CREATE TEMP TABLE recreated (target INTEGER PRIMARY KEY, day INTEGER)",
    (
        f"INSERT INTO temp.recreated SELECT n.to_id, max(n.first_day) FROM ({_MANAGED}) n "  # noqa: S608
        f"JOIN ({_MANAGED}) o ON o.to_id = n.to_id AND o.from_id <> n.from_id "
        "GROUP BY n.to_id, n.from_id HAVING max(o.last_day) < max(n.first_day)"
    ),
    # Edges into the storage it had before are edges into the table.
    (
        "INSERT OR IGNORE INTO temp.recreated SELECT a.from_id, min(r.day) FROM temp.recreated r "
        "JOIN alias a ON a.kind = 'dataset' AND a.to_id = r.target WHERE true GROUP BY a.from_id"
    ),
    # The last settled day on which a statement replaced a table, of those whose edges are looked at.
    "CREATE TEMP TABLE replaced_on (target INTEGER PRIMARY KEY, dataset INTEGER, day INTEGER)",
    (
        "INSERT INTO temp.replaced_on SELECT r.dataset_id, r.dataset_id, max(r.day) FROM "
        "(SELECT target FROM temp.judged "
        "UNION SELECT e.target_dataset FROM temp.forced f JOIN edge e ON e.id = f.edge_id) t "
        "CROSS JOIN replaced r ON r.dataset_id = t.target JOIN temp.settled s ON s.day = r.day "
        "WHERE r.source_id = :source AND r.edge_id = 0 GROUP BY r.dataset_id"
    ),
    (
        "INSERT OR IGNORE INTO temp.replaced_on SELECT a.from_id, min(r.dataset), min(r.day) FROM temp.replaced_on r "
        "JOIN alias a ON a.kind = 'dataset' AND a.to_id = r.target WHERE NOT EXISTS (SELECT 1 FROM alias o "
        "WHERE o.kind = 'dataset' AND o.from_id = a.from_id AND o.to_id <> a.to_id) GROUP BY a.from_id"
    ),
    # Gone from its schema, of which other tables are still listed, so that the catalog can be read.
    (
        "CREATE TEMP TABLE listed (metastore_id TEXT, catalog TEXT, schema TEXT, "
        "PRIMARY KEY (metastore_id, catalog, schema))"
    ),
    (
        "INSERT INTO temp.listed SELECT DISTINCT b.metastore_id, b.catalog, b.schema FROM table_form f "
        "JOIN dataset b ON b.id = f.dataset_id WHERE f.source_id = :source "
        "AND EXISTS (SELECT 1 FROM table_gone g WHERE g.source_id = :source)"
    ),
    "CREATE TEMP TABLE dropped (dataset INTEGER PRIMARY KEY)",
    (
        "INSERT INTO temp.dropped SELECT g.dataset_id FROM table_gone g JOIN dataset d ON d.id = g.dataset_id "  # noqa: S608
        f"WHERE g.source_id = :source AND {_GONE_FOR} "
        "AND NOT EXISTS (SELECT 1 FROM table_form o WHERE o.dataset_id = g.dataset_id) "
        "AND EXISTS (SELECT 1 FROM temp.listed b WHERE b.metastore_id = d.metastore_id AND b.catalog = d.catalog "
        "AND b.schema = d.schema) "
        "AND NOT EXISTS (SELECT 1 FROM edge e JOIN edge_month m ON m.edge_id = e.id JOIN temp.settled s "
        "ON s.month = m.month AND m.day_bits & s.bit <> 0 "
        "WHERE (e.source_dataset = g.dataset_id OR e.target_dataset = g.dataset_id) AND s.day > g.since_day)"
    ),
)

_STILL_ACTIVE = (
    f"EXISTS (SELECT 1 FROM edge_month m {edges.RETIRED} "  # noqa: S608
    f"WHERE m.edge_id = x.edge_id AND m.source_id = :source AND {edges.ACTIVE})"
)

_SUSPECTS = (
    "CREATE TEMP TABLE suspect (edge_id INTEGER PRIMARY KEY)",
    # From the index alone: edges with a column set, or none, of old months that no later month has.
    (
        "INSERT OR IGNORE INTO temp.suspect SELECT DISTINCT x.edge_id FROM (SELECT e.id AS edge_id "  # noqa: S608
        "FROM temp.judged j CROSS JOIN edge e ON e.target_dataset = j.target JOIN process p ON p.id = e.process_id "
        "JOIN temp.cut c ON c.workspace_id = p.workspace_id WHERE EXISTS (SELECT 1 FROM edge_month o "
        "WHERE o.edge_id = e.id AND o.source_id = :source AND o.month <= c.month AND NOT EXISTS "
        "(SELECT 1 FROM edge_month n WHERE n.edge_id = o.edge_id AND n.source_id = :source AND n.month > c.month "
        f"AND n.set_id = o.set_id))) x WHERE {_STILL_ACTIVE}"
    ),
    *(
        f"INSERT OR IGNORE INTO temp.suspect SELECT DISTINCT x.edge_id FROM (SELECT e.id AS edge_id FROM {ends}) x "  # noqa: S608
        f"WHERE {_STILL_ACTIVE}"
        for ends in (
            "temp.view_target v CROSS JOIN edge e ON e.target_dataset = v.target",
            "temp.recreated r CROSS JOIN edge e ON e.target_dataset = r.target",
            "temp.replaced_on r CROSS JOIN edge e ON e.target_dataset = r.target",
            "temp.dropped g CROSS JOIN edge e ON e.target_dataset = g.dataset",
            "temp.dropped g CROSS JOIN edge e ON e.source_dataset = g.dataset",
        )
    ),
    "INSERT OR IGNORE INTO temp.suspect SELECT edge_id FROM temp.forced",
)

_LAST = (
    (
        "CREATE TEMP TABLE seen (edge_id INTEGER, set_id INTEGER, day INTEGER, PRIMARY KEY (edge_id, set_id)) "
        "WITHOUT ROWID"
    ),
    (
        "INSERT INTO temp.seen SELECT edge_id, set_id, max(day) FROM (SELECT m.edge_id, m.set_id, "
        "(SELECT s.day FROM temp.settled s WHERE s.month = m.month AND m.day_bits & s.bit <> 0 "
        "ORDER BY s.day DESC LIMIT 1) AS day FROM temp.suspect x CROSS JOIN edge_month m "
        "ON m.edge_id = x.edge_id AND m.source_id = :source) t WHERE day IS NOT NULL GROUP BY edge_id, set_id"
    ),
    (
        "CREATE TEMP TABLE last_seen (edge_id INTEGER PRIMARY KEY, target INTEGER, workspace_id TEXT, day INTEGER, "
        "month INTEGER, of_month SMALLINT)"
    ),
    (
        "INSERT INTO temp.last_seen SELECT l.edge_id, e.target_dataset, p.workspace_id, l.day, s.month, s.of_month "
        "FROM (SELECT edge_id, max(day) AS day FROM temp.seen GROUP BY edge_id) l JOIN temp.settled s ON s.day = l.day "
        "JOIN edge e ON e.id = l.edge_id JOIN process p ON p.id = e.process_id"
    ),
)

_ANY = "(" + " + ".join(f"max(p.day_bits & {1 << bit})" for bit in range(31)) + ")"
"""The bits that any of some rows has."""

_WRITES = (
    # The days on which those targets were written that may have gone on without an edge.
    "CREATE TEMP TABLE written (target INTEGER PRIMARY KEY)",
    (
        "INSERT INTO temp.written SELECT DISTINCT l.target FROM temp.last_seen l "
        "LEFT JOIN temp.cut c ON c.workspace_id = l.workspace_id "
        "WHERE l.day < c.day OR l.target IN (SELECT target FROM temp.view_target)"
    ),
    "CREATE TEMP TABLE pattern (target INTEGER, month INTEGER, day_bits INTEGER)",
    (
        "INSERT INTO temp.pattern SELECT DISTINCT w.target, m.month, m.day_bits FROM temp.written w "
        "CROSS JOIN edge e ON e.target_dataset = w.target "
        "CROSS JOIN edge_month m ON m.edge_id = e.id AND m.source_id = :source"
    ),
    (
        "CREATE TEMP TABLE write_month (target INTEGER, month INTEGER, bits INTEGER, PRIMARY KEY (target, month)) "
        "WITHOUT ROWID"
    ),
    (
        f"INSERT INTO temp.write_month SELECT p.target, p.month, {_ANY} & s.bits FROM temp.pattern p "  # noqa: S608
        "JOIN (SELECT month, CAST(sum(bit) AS BIGINT) AS bits FROM temp.settled GROUP BY month) s ON s.month = p.month "
        f"GROUP BY p.target, p.month, s.bits HAVING {_ANY} & s.bits <> 0"
    ),
    "CREATE TEMP TABLE latest (target INTEGER PRIMARY KEY, day INTEGER)",
    (
        "INSERT INTO temp.latest SELECT l.target, max(s.day) FROM (SELECT target, max(month) AS month "
        "FROM temp.write_month GROUP BY target) l JOIN temp.write_month w ON w.target = l.target AND w.month = l.month "
        "JOIN temp.settled s ON s.month = w.month AND w.bits & s.bit <> 0 GROUP BY l.target"
    ),
)

_NO_VIEW = "l.target NOT IN (SELECT target FROM temp.view_target)"

_PLACES = (
    "(SELECT count(*) FROM temp.counted k WHERE k.workspace_id = l.workspace_id "
    "AND k.day >= {first} AND k.day <= {last})"
)

_NEXT_MONTH = (
    "(SELECT min(v.month) FROM temp.write_month v WHERE v.target = l.target AND v.month >= l.month "
    "AND (v.month > l.month OR v.bits >> l.of_month <> 0))"
)
_AFTER = (
    "(SELECT min(s.day) FROM temp.write_month w JOIN temp.settled s ON s.month = w.month AND w.bits & s.bit <> 0 "  # noqa: S608
    f"WHERE w.target = l.target AND w.month = {_NEXT_MONTH} AND s.day > l.day)"
)
_LATEST = "(SELECT w.day FROM temp.latest w WHERE w.target = l.target)"

_ROWS = "FROM temp.seen x JOIN temp.last_seen l ON l.edge_id = x.edge_id"

_HITS = (
    (
        f"INSERT INTO temp.hit SELECT x.edge_id, x.set_id, x.day, '{REPLACED}', 4 {_ROWS} "  # noqa: S608
        "JOIN temp.replaced_on r ON r.target = l.target WHERE x.day < r.day OR (x.day = r.day AND EXISTS "
        "(SELECT 1 FROM replaced o WHERE o.source_id = :source AND o.day = r.day AND o.dataset_id = r.dataset "
        "AND o.edge_id = x.edge_id))"
    ),
    (
        f"INSERT INTO temp.hit SELECT x.edge_id, x.set_id, x.day, '{AGED}', 5 {_ROWS} "
        f"JOIN temp.cut c ON c.workspace_id = l.workspace_id WHERE l.day < c.day AND {_NO_VIEW} "
        f"AND {_PLACES.format(first=_AFTER, last=_LATEST)} >= :stale"
    ),
    (
        f"INSERT INTO temp.hit SELECT x.edge_id, x.set_id, x.day, '{COLUMNS}', 6 {_ROWS} "
        f"JOIN temp.cut c ON c.workspace_id = l.workspace_id WHERE x.day < c.day AND x.day < l.day AND {_NO_VIEW} "
        f"AND {_PLACES.format(first='x.day + 1', last='l.day')} >= :stale"
    ),
    (
        f"INSERT INTO temp.hit SELECT x.edge_id, x.set_id, x.day, '{REDEFINED}', 3 {_ROWS} "
        f"JOIN temp.view_target v ON v.target = l.target WHERE x.day < {_LATEST}"
    ),
    (
        f"INSERT INTO temp.hit SELECT x.edge_id, x.set_id, x.day, '{RECREATED}', 2 {_ROWS} "
        "JOIN temp.recreated r ON r.target = l.target WHERE x.day < r.day"
    ),
    (
        f"INSERT INTO temp.hit SELECT x.edge_id, x.set_id, x.day, '{DROPPED}', 1 {_ROWS} "  # noqa: S608
        "JOIN edge e ON e.id = x.edge_id WHERE e.target_dataset IN (SELECT dataset FROM temp.dropped) "
        "OR e.source_dataset IN (SELECT dataset FROM temp.dropped)"
    ),
)

FORCE_EVIDENCE = (
    "INSERT OR IGNORE INTO temp.forced SELECT DISTINCT edge_id FROM edge_retired "  # noqa: S608
    f"WHERE source_id = :source AND rule IN ('{DROPPED}', '{RECREATED}')"
)
"""What evidence retired is judged again each time: evidence can be taken back."""

JUDGE = (*_COUNTED, *_VIEWS, *_EVIDENCE, *_SUSPECTS, *_LAST, *_WRITES, *_HITS)
"""In this order, with :source, :stale and :dropped."""

_BEST = (
    "SELECT h.edge_id, h.set_id, min(h.day) AS day, min(h.rank) AS rank FROM temp.hit h GROUP BY h.edge_id, h.set_id"
)

RETIRE = (
    f"SELECT b.edge_id, b.set_id, s.month, s.of_month, b.rank FROM ({_BEST}) b JOIN temp.settled s ON s.day = b.day "  # noqa: S608
    "LEFT JOIN edge_retired r ON r.edge_id = b.edge_id AND r.source_id = :source AND r.set_id = b.set_id "
    "WHERE r.edge_id IS NULL OR r.month <> s.month OR r.day <> s.of_month ORDER BY b.edge_id, b.set_id"
)
"""What is to be retired and is not yet, as (edge, set, month, day of the month, rank)."""

RELEASE = (
    "SELECT r.edge_id, r.set_id FROM edge_retired r JOIN temp.forced f ON f.edge_id = r.edge_id "
    "WHERE r.source_id = :source AND NOT EXISTS "
    "(SELECT 1 FROM temp.hit h WHERE h.edge_id = r.edge_id AND h.set_id = r.set_id) ORDER BY r.edge_id, r.set_id"
)
"""What is retired for no reason that still holds, as (edge, set)."""

RULES = {1: DROPPED, 2: RECREATED, 3: REDEFINED, 4: REPLACED, 5: AGED, 6: COLUMNS}
"""Rules by rank: of several that retire the same, the first is told."""
