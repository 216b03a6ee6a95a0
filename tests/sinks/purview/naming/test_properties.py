"""What holds for any input at all."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sinks.purview.assets import DATASET_TYPES
from sinks.purview.names import Dataset, candidates
from sinks.purview.naming import MOST, Context, of_openlineage, of_path, of_text
from sinks.purview.naming.locations import located
from sinks.purview.naming.mounts import read, source_of
from sinks.purview.naming.partitions import spellings, trimmed

SEGMENT = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1).filter(str.strip)
ODD = st.text() | st.from_regex(
    r"(abfss|wasbs?|https|s3a?|gs|adl|dbfs|file|mssql|databricks|delta\.`x)?(:|://)?[a-zA-Z0-9@.%/{}=\[\]`?#:;\\ -]*",
    fullmatch=True,
)
SCHEMES = ("sqlserver", "postgresql", "mysql", "snowflake", "azurekusto", "azurecosmos", "oracle", "db2", "jdbc:db2", "unitycatalog", "hive", "dbfs", "s3")  # fmt: skip
PLAIN = st.from_regex(r"[A-Za-z0-9_ =.%{}-]{1,12}", fullmatch=True).filter(lambda text: text.strip() == text)
FULL = Context(
    "host",
    read("/mnt/a=abfss://c@a.dfs.core.windows.net/x;/mnt/a/b=dbfs:/mnt/a;/mnt=nowhere"),
    {"f": "mssql://h;database=d"},
    ("s*",),
)


def sound(found):
    """What every answer keeps."""
    assert len(found.candidates) <= MOST
    assert len({(one.type_name, one.qualified_name) for one in found.candidates}) == len(found.candidates)
    assert all(one.type_name and one.qualified_name and one.rule for one in found.candidates)
    assert found.candidates or found.reason
    if found.first is None:
        assert found.reason
    return found


@given(ODD)
@example("https://[")
@example("abfss://@")
@example("[MountInfo(")
@example("db.t@h")
@example("\ud800")
@example("abfss://c@a.dfs.x/%ED%A0%80")
def test_any_text(text):
    """No text raises; every answer is bounded, without repetition, and has a reason where it has no asset."""
    for context in (Context(), FULL):
        sound(of_text(text, "m", context))
        sound(of_path(text, "", context))


@given(st.sampled_from(SCHEMES), ODD, ODD)
def test_any_openlineage_name(scheme, rest, name):
    """No namespace and no name raises."""
    sound(of_openlineage(f"{scheme}://{rest}", name, "m", FULL))
    sound(of_openlineage(rest, name, "m", FULL))


@given(st.tuples(*[ODD] * 8))
def test_any_dataset(parts):
    """No row of the ledger raises; what may be sent unseen has a type that is known."""
    found = sound(candidates(Dataset(*parts), FULL))
    assert found.first is None or found.first.type_name in DATASET_TYPES


@given(
    st.lists(PLAIN, min_size=1, max_size=5),
    st.sampled_from(["abfss://c@a.dfs.core.windows.net", "s3://b", "wasbs://c@a.blob.core.windows.net"]),
)
def test_names_name_themselves(parts, root):
    """The name of an asset, asked for again, is among its own candidates."""
    for one in of_path(f"{root}/{'/'.join(parts)}", "m", Context()).candidates:
        again = of_text(one.qualified_name, "m", Context()).candidates
        assert one.qualified_name in {other.qualified_name for other in again}


@given(st.lists(SEGMENT, min_size=1, max_size=6))
def test_order_of_kinds(parts):
    """Resource sets come before folders, folders before files, whatever the path."""
    order = ["resource-set", "folder", "file"]
    kinds = [order.index(one.kind) for one in spellings(parts)]
    assert kinds == sorted(kinds)


@given(st.lists(SEGMENT, min_size=1, max_size=6))
def test_slashes_mean_nothing(parts):
    """Doubled and trailing slashes make no other dataset."""
    root = "abfss://c@a.dfs.core.windows.net"
    assume(not any("`" in part or "\\" in part for part in parts))
    one = of_path(f"{root}/{'/'.join(parts)}", "m", Context()).candidates
    assert of_path(f"{root}//{'//'.join(parts)}//", "m", Context()).candidates == one


@given(st.text())
def test_trimming_is_done_once(name):
    """A trimmed name is not trimmed further, begins as the whole one does, and is not empty."""
    cut = trimmed(name)
    assert trimmed(cut) == cut
    assert name.lstrip("/").startswith(cut.lstrip("/"))
    assert bool(cut) is bool(name)


@given(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, unique_by=tuple),
    st.lists(st.sampled_from("abcd"), max_size=6),
)
def test_longest_mount_wins(points, below):
    """Of all mount points that are the path or end at one of its slashes, the longest counts; the rest is kept whole."""
    mounts = {"/" + "/".join(point): f"s3://{'-'.join(point)}" for point in points}
    path = "/" + "/".join(below)
    fitting = [point for point in mounts if path == point or path.startswith(f"{point}/")]
    found = source_of(path, mounts)
    if not fitting:
        assert found is None
        return
    longest = max(fitting, key=len)
    assert found == (longest, mounts[longest], path.removeprefix(longest).lstrip("/"))


@given(PLAIN.filter(lambda text: not {"%", "{", "}", "=", "."} & set(text)))
def test_case(name):
    """The host is folded, the path never; names of tables are, columns are not."""
    upper = of_path(f"ABFSS://c@ACCT.DFS.Core.Windows.Net/x/{name}", "m", Context())
    assert upper.candidates == of_path(f"abfss://c@acct.dfs.core.windows.net/x/{name}", "m", Context()).candidates
    assert any(one.qualified_name.endswith(f"/{name}") for one in upper.candidates)
    table = of_text(f"`{name}`.`{name}`.`{name}`.`{name}`", "m", Context()).candidates[0]
    folded = name.lower()
    if folded not in {"hive_metastore", "spark_catalog"}:
        assert (
            table.qualified_name == f"databricks://m/catalogs/{folded}/schemas/{folded}/tables/{folded}/columns/{name}"
        )


@given(ODD)
def test_plain_addresses_are_plain(text):
    """The plain form of an address is its own plain form."""
    plain = located(text).plain
    assume("`" not in text)
    assert located(plain).plain == plain


@pytest.mark.slow
def test_fast_enough_for_emission():
    """A hundred thousand datasets take seconds, not minutes, and no memory but their own."""
    root = "abfss://c@a{}.dfs.core.windows.net/a/b{}/t"
    count = sum(len(of_path(root.format(number % 50, number), "m", FULL).candidates) for number in range(100_000))
    assert count == 800_000
