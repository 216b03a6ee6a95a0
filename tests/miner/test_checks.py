import pytest

from miner.checks import Check, Finding, failed, findings, passed, skipped
from miner.errors import SourceError


def raises():
    raise SourceError("it broke", mend="mend it")


def found(*checks):
    return {finding.name: finding for finding in findings(checks)}


def test_every_check_is_made_once_in_order():
    """Every look is made once, in order, and tells what it found under its check's name."""
    made = []

    def look(name):
        return lambda: made.append(name) or passed(f"{name} is well", "a hint")

    told = list(findings([Check("a", look("a")), Check("b", look("b"), ("a",))]))
    assert made == ["a", "b"]
    assert told == [Finding("a", "pass", "a is well", "a hint"), Finding("b", "pass", "b is well", "a hint")]


def test_an_error_is_a_cross():
    """A look that raises is this check's cross with the error's mend; the others go on."""
    told = found(Check("a", raises), Check("b", lambda: passed("well")))
    assert told["a"] == Finding("a", "fail", "it broke", "mend it")
    assert told["b"].state == "pass"


def test_a_fault_of_ours_is_no_finding():
    """An error that is not the miner's own is not taken for a finding."""
    with pytest.raises(ZeroDivisionError):
        found(Check("a", lambda: 1 / 0))


@pytest.mark.parametrize(
    ("first", "cause"), [(raises, "a failed"), (lambda: skipped("not there"), "a has nothing to tell")]
)
def test_what_depends_on_it_is_a_dash(first, cause):
    """A check whose ground is missing is not made: a dash that names the first cause, however far above."""
    told = found(Check("a", first), Check("b", raises, ("a",)), Check("c", raises, ("b",)), Check("d", raises))
    assert (told["b"].state, told["b"].finding) == ("skip", f"not looked at: {cause}")
    assert (told["c"].state, told["c"].finding) == ("skip", f"not looked at: {cause}")
    assert told["d"].state == "fail"


def test_lazily():
    """A look is made when its finding is asked for, so that each can be announced before."""
    told = findings([Check("a", lambda: failed("no", "mend")), Check("b", lambda: 1 / 0)])
    assert next(told).state == "fail"


def test_an_unknown_ground_is_a_mistake():
    """A check that needs one which does not come before it is a mistake of ours."""
    with pytest.raises(KeyError):
        found(Check("a", raises, ("b",)))
