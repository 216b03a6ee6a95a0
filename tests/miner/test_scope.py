import re
import string
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.scope import DEFAULT, Chosen, Globs, Scope, alternation, pattern

GLOBS = st.text(string.printable.strip() + " äß", min_size=1, max_size=8)


def found(expression, text):
    """Whether an expression is found in a text, by Python, which writes a text's end otherwise than Java and RE2."""
    return re.search(expression.replace(r"\z)", r"\Z)"), text) is not None


def matches(glob, text):
    return found(pattern(glob), text)


@pytest.mark.parametrize(
    ("glob", "text", "matched"),
    [
        ("dev", "dev", True),
        ("dev", "dev2", False),
        ("dev", "mydev", False),
        ("dev_*", "dev_", True),
        ("dev_*", "dev_x.y", True),
        ("*_tmp", "orders_tmp", True),
        ("*", "", True),
        ("d?v", "dev", True),
        ("d?v", "dv", False),
        ("d?v", "deev", False),
        ("a.b", "axb", False),
        ("a.b", "a.b", True),
        ("a+(b)|[c]{1}$^", "a+(b)|[c]{1}$^", True),
        ("a|b", "a", False),
        ("*/checkpoint/*", "s3://bucket/checkpoint/1", True),
        ("*/checkpoint/*", "s3://bucket/Checkpoint/1", False),
        ("a\\d", "a\\d", True),
        ("a\\d", "a1", False),
        ("a\\z)", "a\\z)", True),
        ("a*", "a\nb", True),
        ("a?b", "a\nb", True),
        ("a", "a\n", False),
    ],
)
def test_globs(glob, text, matched):
    """`*` stands for any text, `?` for one character, everything else for itself; a glob covers the whole text."""
    assert matches(glob, text) == matched


@given(GLOBS.filter(lambda glob: not set(glob) & set("*?")))
def test_a_glob_without_wildcards_matches_itself(text):
    """No character but * and ? means anything of its own."""
    assert matches(text, text)
    assert not matches(text, text + "x")


@given(st.lists(GLOBS, max_size=4), GLOBS)
def test_alternation(globs, text):
    """One expression for several globs matches what any of them does; there is none where there are no globs."""
    expression = alternation([pattern(glob) for glob in globs])
    assert (expression is None) == (not globs)
    if expression:
        assert found(expression, text) == any(matches(glob, text) for glob in globs)


@given(st.lists(GLOBS, max_size=3), st.lists(GLOBS, max_size=3), GLOBS.map(str.lower))
def test_chosen(include, exclude, name):
    """A folded name is chosen when a glob includes it, or none is told, and no glob leaves it out, in any case."""
    chosen = Chosen.by(include, exclude)
    included, left_out = ([glob for glob in globs if matches(glob.lower(), name)] for globs in (include, exclude))
    assert (name in chosen) == (bool(included or not include) and not left_out)
    assert chosen.everything == (not include and not exclude)


@pytest.mark.parametrize(
    ("glob", "before", "text", "matched"),
    [
        ("sales", 1, "prod.sales", True),
        ("sales", 1, "sales", False),
        ("sales", 1, "a.prod.sales", False),
        ("orders_*", 2, "prod.sales.orders_1", True),
        ("orders_*", 2, "prod.orders_1", False),
        ("*", 2, "prod.sales.orders", True),
        ("prod.s?les", 0, "prod.sales", True),
    ],
)
def test_globs_of_last_parts(glob, before, text, matched):
    """A glob of a last part covers it after so many parts, and after no other number of them."""
    assert found(pattern(glob, before), text) == matched


@pytest.mark.parametrize("part", list(asdict(DEFAULT)))
@pytest.mark.parametrize("side", ["include", "exclude"])
def test_digest_follows_every_part(side, part):
    """A changed scope mines again: the digest changes with any part, and not with the order globs are written in."""
    one, other, fewer = (scope(side, part, globs) for globs in (("a", "b"), ("b", "a"), ("a",)))
    assert one.digest() == other.digest()
    assert len({Scope().digest(), one.digest(), fewer.digest()}) == 3


def scope(side, part, globs):
    return Scope(**{side: Globs(**{part: globs})})


def test_digest_tells_parts_apart():
    """The same glob in another part is another rule; digests are 16 hex digits and the same on every machine."""
    digests = {scope(side, part, ("x",)).digest() for side in ("include", "exclude") for part in asdict(DEFAULT)}
    assert len(digests) == 12
    assert scope("exclude", "catalogs", ("system",)).digest() == "2d38fe957144c015"


@pytest.mark.parametrize(
    ("part", "left_out", "kept"),
    [
        ("catalogs", ["system", "samples", "__databricks_internal"], ["systems", "sample"]),
        ("schemas", ["information_schema", "global_temp", "__dlt_materialization_schema_1a", "dbt_cloud_pr_7_3"], ["default", "dbt_cloud"]),
        ("tables", ["event_log_1a2b", "temp_metric_view_3f2a9c"], ["event_log", "event_logs", "events"]),
        (
            "paths",
            [
                "abfss://x@acc/_checkpoints/orders",
                "abfss://x@acc/a/_checkpoint",
                "s3://b/checkpoint",
                "s3://b/checkpoint/1",
                "s3://b/checkpoints",
                "s3://b/checkpoints/1",
                "s3://b/a/_temporary/0",
                "dbfs:/tmp/a",
                "dbfs:/local_disk0/a",
            ],
            ["s3://b/checkpointed", "s3://b/my_checkpoints", "s3://b/tmp/a", "dbfs:/tmpfiles/a", "checkpoint"],
        ),
    ],
)  # fmt: skip
def test_defaults(part, left_out, kept):
    """By default the platform's and the tools' own machinery is left out, and nothing that only sounds like it."""
    globs = getattr(DEFAULT, part)
    expression = alternation([pattern(glob) for glob in globs])
    assert [text for text in left_out if not found(expression, text)] == []
    assert [text for text in kept if found(expression, text)] == []
    for glob in globs:
        without = alternation([pattern(one) for one in globs if one != glob])
        assert any(found(expression, text) and not found(without, text) for text in left_out), glob
