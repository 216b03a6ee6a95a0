"""What processes, workspaces and tables can be called by the tables of a source."""

from miner.checks import Found, passed, skipped
from miner.ports import QUERY_HISTORY
from queries.names import NameReader, told_by
from queries.preflight.looks import Looks
from queries.system_tables import ALWAYS_THERE, NO_TABLE


def names(looks: Looks) -> Found:
    """The parts that tables tell, and those they do not, with what would let them be told."""
    reader = looks.reader
    absent = dict(one.split(": ", 1) for one in NameReader(reader).absent())
    roles = {part: role for part, role in told_by().items() if role in reader.tables}
    told = [part for part in roles if part not in absent]
    lost = {part: absent[part] for part in roles if part in absent}
    words = [f"told: {', '.join(told) or 'none'}", *(f"{part} keep what lineage tells: {lost[part]}" for part in lost)]
    named = [reader.tables[role] for part, role in roles.items() if part in lost and _granted(role)]
    tables = [table for table in named if table != NO_TABLE]
    mend = reader.warehouse.mend(*tables) if tables else ""
    return passed("; ".join(words), mend) if told else skipped("; ".join(words), mend)


def _granted(role: str) -> bool:
    """True where a right on the table itself would help; query_history has a check of its own."""
    return role not in ALWAYS_THERE and role != QUERY_HISTORY
