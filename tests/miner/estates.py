"""Random small estates for the ledger: few names, several days over a month's end, pairs that change from day to day."""

from datetime import timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st

from miner.ports import Span
from tests.miner.fakes import FakeTables
from tests.miner.world import day
from tests.rows import at, columns, lineage, run, statement

DAYS = tuple(day(offset) for offset in range(-11, -6))
"""2026-10-30 to 2026-11-03: a run of days in each of two months."""

WHOLE = Span(DAYS[0], DAYS[-1])
NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example mines several ledgers: making a failing one smaller would take minutes."""

some = settings(max_examples=5, report_multiple_bugs=False, phases=NO_SHRINK)

_TABLES = ("c.s.a", "c.s.b", "c.s.d", "C.S.B", "s3://bucket/p", "s3://bucket/q")
_PROCESSES = ({"job": "7"}, {"job": "8", "notebook": "n"}, {"query": "q"}, {"notebook": "n"}, {})
_WHO = (None, "ann@x.org", "bob@x.org", "0a1b2c3d-0000-4444-8888-0123456789ab", "System-User")


@st.composite
def lineage_rows(draw, located=True):
    """One row of table_lineage; `located`: some tables tell their path."""
    one = draw(st.sampled_from(DAYS))
    row = lineage(
        draw(st.sampled_from((*_TABLES, None))),
        draw(st.sampled_from((*_TABLES, None))),
        **draw(st.sampled_from(_PROCESSES)),
        day=one,
        # One event an instant: where two tell different things at the same time, either may be the latest.
        event_time=at(one, draw(st.integers(0, 23))) + timedelta(microseconds=draw(st.integers(0, 10**9))),
        created_by=draw(st.sampled_from(_WHO)),
        statement_id=draw(st.sampled_from((None, "st1", "st2"))),
        direct_access=draw(st.sampled_from((True, True, None, False))),
        workspace_id=draw(st.sampled_from(("1001", "1001", "1002"))),
    )
    for side in ("source", "target"):
        if located and row[f"{side}_table_name"] and draw(st.integers(0, 5)) == 0:
            row[f"{side}_path"] = draw(st.sampled_from(("s3://bucket/p", "s3://bucket/q")))
    return row


@st.composite
def pair_rows(draw):
    """One row of column_lineage."""
    names = st.sampled_from(("id", "Id", "größe", "1:x"))
    return columns(
        draw(st.sampled_from(_TABLES[:3])),
        draw(st.sampled_from(_TABLES[:3])),
        draw(names),
        draw(names),
        **draw(st.sampled_from(_PROCESSES[:3])),
        day=draw(st.sampled_from(DAYS)),
    )


@st.composite
def histories(draw):
    """Rows of query.history, one a statement."""
    return [
        statement(
            name,
            executed_by=draw(st.sampled_from(_WHO)),
            execution_status=draw(st.sampled_from(("FINISHED", "FAILED"))),
            start_time=at(draw(st.sampled_from(DAYS))),
            from_result_cache=name == "st3",
            cache_origin_statement_id="st1",
        )
        for name in ("st1", "st2", "st3")
        if draw(st.booleans())
    ]


@st.composite
def submitted(draw):
    """Rows of job_run_timeline: job 8 may be a one-time run, of one name, on every day it runs."""
    if not draw(st.booleans()):
        return []
    name = draw(st.sampled_from((None, "etl_0a1b2c3d-0000-4444-8888-0123456789ab")))
    return [run("8", run_name=name, period_start_time=at(one)) for one in DAYS]


@st.composite
def estates(draw, least=5, most=40, located=True):
    """The rows of all four tables, by role."""
    return Estate(
        table_lineage=draw(st.lists(lineage_rows(located), min_size=least, max_size=most)),
        column_lineage=draw(st.lists(pair_rows(), max_size=most)),
        query_history=draw(histories()),
        job_run_timeline=draw(submitted()),
    )


class Estate(dict):
    """Rows by role; told by their number, since a row has dozens of columns."""

    def __repr__(self):
        return f"Estate({', '.join(f'{role}: {len(rows)}' for role, rows in self.items())})"


def fake(rows, **options):
    """The fake over an estate; every day is in the span, whatever rows it has."""
    more = {name: rows[name] for name in rows if name != "table_lineage"}
    tables = FakeTables(*rows["table_lineage"], **more, **options)
    tables.shows = WHOLE
    return tables


def same(told, expected):
    """Both dumps tell the same; the lines that only one has are shown."""
    more, less = [line for line in told if line not in expected], [line for line in expected if line not in told]
    assert (more, less) == ([], []), "\n".join(["only here:", *more, "only there:", *less])
    assert told == expected
