import re
import string
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.exclusions import DEFAULT, Exclusions, alternation, pattern

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
    """One expression for several globs matches what any of them does, and nothing when there are none."""
    assert found(alternation(tuple(globs)), text) == any(matches(glob, text) for glob in globs)


@pytest.mark.parametrize("part", list(asdict(DEFAULT)))
def test_digest_follows_every_part(part):
    """Changed exclusions mine again: the digest changes with any part, and not with the order globs are written in."""
    one, other = (Exclusions(**{part: globs}) for globs in (("a", "b"), ("b", "a")))
    assert one.digest() == other.digest()
    assert len({Exclusions().digest(), one.digest(), Exclusions(**{part: ("a",)}).digest()}) == 3


def test_digest_tells_parts_apart():
    """The same glob in another part is another rule; digests are 16 hex digits and the same on every machine."""
    digests = {Exclusions(**{part: ("x",)}).digest() for part in asdict(DEFAULT)}
    assert len(digests) == 6
    assert Exclusions(catalogs=("system",)).digest() == "58dda55283409e3a"


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
    expression = alternation(globs)
    assert [text for text in left_out if not found(expression, text)] == []
    assert [text for text in kept if found(expression, text)] == []
    for glob in globs:
        without = alternation(tuple(one for one in globs if one != glob))
        assert any(found(expression, text) and not found(without, text) for text in left_out), glob
