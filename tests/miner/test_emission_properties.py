"""Whatever is mined and sent, in whichever order, plan, emission and ledger agree."""

import json

from hypothesis import given
from hypothesis import strategies as st

from miner.errors import SinkError
from tests.miner.estates import estates, fake, same, some
from tests.miner.fakes import FakeSink
from tests.miner.world import day, noon, worlds


def numbers(changes):
    """The figures of an emission or a plan."""
    return (
        dict(changes.created), dict(changes.changed), dict(changes.unchanged), changes.removed, dict(changes.unmatched),
        changes.waiting, changes.operations,
    )  # fmt: skip


@some
@given(rows=estates(), later=estates(least=1, most=10), emits=st.booleans())
def test_the_plan_tells_what_emission_does(rows, later, emits):
    """A plan changes nothing, and tells the numbers that the emission then has."""
    with worlds(1) as (world,):
        world.now = noon(day(-6))
        world.mine(fake(rows), settle_days=30)
        if emits:
            world.emit()
            world.mine(fake(later), settle_days=30)
        before = world.dump(), world.sql("SELECT * FROM dirty_flow"), world.sql("SELECT * FROM setting")
        held = dict(world.sink.held)
        planned = world.plan()
        assert (world.dump(), world.sql("SELECT * FROM dirty_flow"), world.sql("SELECT * FROM setting")) == before
        assert world.sink.held == held
        assert numbers(world.emit()) == numbers(planned)


@some
@given(first=estates(), second=estates(), third=estates(), fails=st.integers(0, 4))
def test_emission_follows_the_ledger(first, second, third, fails):
    """Whatever was mined and emitted before, and wherever a sink failed, it ends up holding what an empty sink would."""
    with worlds(1) as (world,):
        world.now = noon(day(-6))
        for rows in (first, second, third):
            world.sink.fails_at = fails
            world.mine(fake(rows, ships_contents=fails % 2 == 0), settle_days=30)
            try:
                world.emit()
            except SinkError:
                world.emit()
        world.sink.fails_at = None
        known, world.sink = world.sink, FakeSink("another")
        world.emit()
        flows = [json.dumps(item, sort_keys=True) for item in sorted(known.told().items())]
        same(flows, [json.dumps(item, sort_keys=True) for item in sorted(world.sink.told().items())])
