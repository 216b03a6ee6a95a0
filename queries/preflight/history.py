"""What the query history shows: texts, and the miner's own tag."""

from miner.checks import Found, passed, skipped
from queries.preflight.looks import NO_TAG, RECENT_DAYS, Looks


def query_text(looks: Looks) -> Found:
    """Whether SQL texts are masked. The miner reads none, unless the settings ask for what statements say."""
    mix = looks.history
    if not mix.rows:
        return skipped(f"no statement in the last {RECENT_DAYS} days")
    if looks.reader.statements or looks.reader.texts:
        hidden = mix.redacted + mix.untexted
        told = f"{mix.rows - hidden:,} of {mix.rows:,} texts can be seen"
        apart = "the other statements are told apart by their type alone"
        rest = apart if looks.reader.statements else "entities tell none of the others"
        return passed(f"{told}; {rest}" if hidden else told)
    if mix.redacted:
        return passed(
            f"{mix.redacted:,} of {mix.rows:,} texts are redacted: nothing is lost, the miner reads no SQL text",
        )
    if mix.untexted == mix.rows:
        return passed(
            "every text is empty, as with customer-managed keys: nothing is lost, the miner reads no SQL text"
        )
    return passed(f"{mix.rows - mix.untexted:,} of {mix.rows:,} texts can be seen; the miner reads none")


def query_tags(looks: Looks) -> Found:
    """Whether the tags of the miner's statements reach the history."""
    if looks.tag == NO_TAG:
        return skipped("the miner's statements carry no tag")
    mix, tag = looks.history, " = ".join(looks.tag)
    if mix.tagged:
        return passed(f"{mix.tagged:,} of {mix.rows:,} statements in {RECENT_DAYS} days carry {tag}")
    if mix.own:
        return skipped(
            f"none of the principal's {mix.own:,} statements carries {tag}",
            "nothing is lost: the miner's own reads are told by its principal",
        )
    return skipped(
        f"no statement of the miner's in {RECENT_DAYS} days", "look again some hours after the first run: history lags"
    )
