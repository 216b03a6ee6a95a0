"""What the query history shows: texts, and the miner's own tag."""

from miner.checks import Found, passed, skipped
from queries.preflight.looks import QUERY_TAG, RECENT_DAYS, Looks


def query_text(looks: Looks) -> Found:
    """Whether SQL texts are masked. The miner reads none, so that it does without."""
    mix = looks.history
    if not mix.rows:
        return skipped(f"no statement in the last {RECENT_DAYS} days")
    if mix.redacted:
        return passed(
            f"{mix.redacted:,} of {mix.rows:,} texts are redacted: nothing is lost, the miner reads no SQL text",
        )
    if mix.untexted == mix.rows:
        return passed("every text is empty, as with customer-managed keys: nothing is lost, the miner reads no SQL text")
    return passed(f"{mix.rows - mix.untexted:,} of {mix.rows:,} texts can be seen; the miner reads none")


def query_tags(looks: Looks) -> Found:
    """Whether the tag of the miner's statements reaches the history."""
    mix = looks.history
    if mix.tagged:
        return passed(f"{mix.tagged:,} statements of the last {RECENT_DAYS} days carry the tag {QUERY_TAG}")
    if mix.own:
        return skipped(
            f"none of the principal's {mix.own:,} statements carries the tag {QUERY_TAG}",
            "nothing is lost: the miner's own reads are told by its principal; tags come with the Databricks source alone",
        )
    return skipped(f"no statement of the miner's in {RECENT_DAYS} days", "look again two hours after the first run")
