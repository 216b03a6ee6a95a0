"""What the latest statement says that wrote the target of a flow: what is kept, and what is told."""

from miner.ledger import dirty

_LATER = "(x.at, x.text) < (s.at, s.text)"

# Of flows that the ledger knows: what is told of a row that came since its edges were read waits for the next mining.
_STAGED = (
    "FROM stage.said s LEFT JOIN flow_text x ON x.process_id = s.process_id AND x.target_dataset = s.target_dataset "  # noqa: S608
    f"WHERE (x.at IS NULL OR {_LATER}) AND EXISTS "
    "(SELECT 1 FROM edge e WHERE e.process_id = s.process_id AND e.target_dataset = s.target_dataset)"
)

MERGE = (
    dirty.MARK.format(
        rows=f"SELECT s.process_id, s.target_dataset, 1 {_STAGED} AND (x.text IS NULL OR x.text <> s.text)"
    ),
    (
        "INSERT INTO flow_text (process_id, target_dataset, at, text) "
        f"SELECT s.process_id, s.target_dataset, s.at, s.text {_STAGED} "
        "ON CONFLICT (process_id, target_dataset) DO UPDATE SET at = excluded.at, text = excluded.text"
    ),
)
"""What was staged is kept where it is later than what was, or as late and greater; flows that say another text are
marked."""

OF_WANTED = """
SELECT o.process, o.target, o.text FROM (
  SELECT w.process, w.target, x.text,
    row_number() OVER (PARTITION BY w.process, w.target ORDER BY x.at DESC, x.text DESC) AS place
  FROM temp.wanted_raw w
  JOIN flow_text x ON x.process_id = w.raw_process AND x.target_dataset = w.raw_target
) o
WHERE o.place = 1
"""
"""The texts of the wanted flows, under whatever name they were kept."""

ANY = "SELECT process_id FROM flow_text LIMIT 1"
