"""What the lineage events of the recent days are made of."""

from miner.checks import Found, failed, passed, skipped
from miner.errors import OutOfScopeError
from queries.preflight.looks import RECENT_DAYS, Looks


def events(looks: Looks) -> Found:
    """Shares in scope, with a statement id, by path, without direct access told, and by kind of process."""
    mix = looks.mix
    if not mix.rows:
        return skipped(f"no event in the last {RECENT_DAYS} days")
    if mix.outside == mix.rows:
        return failed(f"none of {mix.rows:,} in {RECENT_DAYS} days is in scope", OutOfScopeError.MEND)
    shares = (
        f"{_share(mix.rows - mix.outside, mix.rows)} in scope",
        f"{_share(mix.with_statement, mix.rows)} with a statement id",
        f"{_share(mix.by_path, mix.rows)} with an end that is a path",
        f"{_share(mix.untold_access, mix.rows)} without direct_access",
    )
    kinds = ", ".join(f"{kind} {_share(rows, mix.rows)}" for kind, rows in mix.kinds.most_common())
    return passed(f"{mix.rows:,} in {RECENT_DAYS} days: {', '.join(shares)}; {kinds}")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"
