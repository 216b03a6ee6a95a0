"""The mark on flows whose entity may have changed since it was last built."""

MARK = (
    "INSERT INTO dirty_flow (process_id, target_dataset, version) {rows} "
    "ON CONFLICT (process_id, target_dataset) DO UPDATE SET version = dirty_flow.version + 1"
)
"""`rows` gives process, target and 1, each flow once."""
