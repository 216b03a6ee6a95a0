"""What makes two spellings of a path one dataset, and what must never be cut."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.queries.given import ruled

GUID = "0a1b2c3d-0000-4444-8888-0123456789ab"

SPELLINGS = [
    ("s3a://bucket/a", "s3://bucket/a"),
    ("s3n://bucket/a", "s3://bucket/a"),
    ("S3://Bucket/A", "s3://bucket/A"),
    ("abfs://Box@Acct.dfs.core.windows.net/A/b", "abfss://box@acct.dfs.core.windows.net/A/b"),
    ("abfss://box@acct/a", "abfss://box@acct/a"),
    ("wasb://box@acct/a", "wasbs://box@acct/a"),
    ("wasbs://box@acct/a", "wasbs://box@acct/a"),
    ("gs://bucket/a", "gs://bucket/a"),
    ("adl://store/a", "adl://store/a"),
    ("s3://bucket/a/", "s3://bucket/a"),
    ("s3://bucket/a///", "s3://bucket/a"),
    ("s3://bucket//a///b", "s3://bucket/a/b"),
    ("s3://bucket/", "s3://bucket"),
    (" s3://bucket/a ", "s3://bucket/a"),
    ("s3://bucket ", "s3://bucket"),
    ("dbfs:/mnt/a", "dbfs:/mnt/a"),
    ("DBFS:/mnt/a", "dbfs:/mnt/a"),
    ("/dbfs/mnt/a", "dbfs:/mnt/a"),
    (" /dbfs/mnt/a", "dbfs:/mnt/a"),
    ("/dbfs//mnt//a", "dbfs:/mnt/a"),
    ("/mnt/a", "dbfs:/mnt/a"),
    ("/dbfs", "/dbfs"),
    ("/dbfsx/a", "/dbfsx/a"),
    ("/Volumes/c/s/v/a", "/Volumes/c/s/v/a"),
    ("dbfs:/Volumes/c/s/v/a", "/Volumes/c/s/v/a"),
    ("/dbfs/Volumes/c/s/v/a", "/Volumes/c/s/v/a"),
    ("s3://bucket/dbfs/a", "s3://bucket/dbfs/a"),
    ("dbfs:/dbfs/a", "dbfs:/dbfs/a"),
    ("s3://bucket/Volumes/a", "s3://bucket/Volumes/a"),
    ("file:///tmp/a", "file:///tmp/a"),
    ("relative/a", "relative/a"),
    ("/", None),
    ("", None),
    ("  ", None),
    (None, None),
]

TRIMMED = [
    # files and logs of a table's folder
    ("/a/_delta_log", "/a"),
    ("/a/_delta_log/00000000000000000010.json", "/a"),
    ("/a/_change_data/cdc-1.parquet", "/a"),
    ("/a/_spark_metadata/0", "/a"),
    ("/a/part-00000", "/a"),
    (f"/a/part-00000-{GUID}-c000.snappy.parquet", "/a"),
    ("/a/leads_20261110.csv", "/a"),
    ("/a/leads-2026-11-10.json.gz", "/a"),
    (f"/a/{GUID}.json", "/a"),
    (f"/a/{GUID.upper()}.JSON", "/a"),
    ("/a/000123.avro", "/a"),
    # partitions
    ("/a/day=2026-11-10", "/a"),
    ("/a/year=2026/month=11/x.parquet", "/a"),
    ("/a/k=", "/a"),
    ("/landing/key=value", "/landing"),
    ("/a/2026/11/10", "/a"),
    ("/a/2026/11/10/23", "/a"),
    ("/a/2026/1/1", "/a"),
    ("/a/2026/11", "/a"),
    ("/a/2026-11", "/a"),
    ("/a/202611", "/a"),
    ("/a/20261110", "/a"),
    ("/a/2026-11-10", "/a"),
    ("/a/20250722T0901Z", "/a"),
    ("/a/2026-11-10_235959", "/a"),
    ("/a/2026/11/20261110", "/a"),
    ("/a/20261110/part-00001.csv", "/a"),
    ("/a/b/day=1/_delta_log", "/a/b"),
]

KEPT = [
    "/2025/07",
    "/20250722T0901Z",
    "/key=value",
    "/_delta_log",
    "/part-00000.parquet",
    "/a/b",
    "/tenant/1001",
    "/tenant/2026",
    "/tenant/123456",
    "/a/2026/13",
    "/a/2026/11/32",
    "/a/1899/11/10",
    "/a/2026/11/data",
    "/a/some_table_20250923",
    "/a/part-001",
    "/a/=value",
    "/sales/DimProduct.parquet",
    "/a/_delta_logs",
    "/a/archive.2026",
    f"/a/{GUID}",
]


def test_spellings():
    """Scheme, host, doubled and trailing slashes and DBFS's mounts have one spelling; the path keeps its case."""
    assert ruled("clean_path(raw)", [raw for raw, _ in SPELLINGS]) == [clean for _, clean in SPELLINGS]


@pytest.mark.parametrize("root", ["s3://bucket", "abfss://box@acct", "dbfs:", ""])
def test_trimmed(root):
    """Files of runs, logs, key=value and dated segments are cut, whatever the root: no dataset of every day or file."""
    assert ruled("clean_path(raw)", [root + raw for raw, _ in TRIMMED]) == [root + clean for _, clean in TRIMMED]


@pytest.mark.parametrize("root", ["s3://bucket", "abfss://box@acct", "dbfs:", ""])
def test_kept(root):
    """A whole name is never cut, nor a number that is no date, a folder named like a file, or a date in the middle."""
    assert ruled("clean_path(raw)", [root + raw for raw in KEPT]) == [root + raw for raw in KEPT]


def test_the_oracle_cuts_alike():
    """The oracle the other tests compare with holds to the same lists."""
    for raw, clean in [*SPELLINGS, *TRIMMED, *((raw, raw) for raw in KEPT)]:
        assert oracle.folder(raw) == clean


_SEGMENTS = st.sampled_from(
    ("a", "B", "2026", "11", "1", "10", "23", "202611", "2026-11-10", "20261110T0901Z", "k=v", "=", "k=", "_delta_log",
     "_spark_metadata", "part-0000", "part-00000-x", "x_20261110.csv", "x.y.2026.z", f"{GUID}.json", "dbfs", "Volumes", "mnt",
     "", "Ünïcode ", "a b", "1.2", ".hidden", "..")
)  # fmt: skip
_ROOTS = st.sampled_from(
    ("s3://b", "s3a://B", "wasb://C@H", "dbfs:", "dbfs://", "/dbfs", "", " ", "file://", "x:", "1:", "a+b.c-d://h", ":")
)
_PATHS = st.builds(lambda root, segments, tail: root + "/".join(["", *segments]) + tail, _ROOTS, st.lists(_SEGMENTS, max_size=6), st.sampled_from(("", "/", "//")))  # fmt: skip


@settings(max_examples=15)
@given(st.lists(_PATHS, min_size=50, max_size=100))
def test_any_path(raw):
    """Whatever segments meet, a path is cut as a reader of the rules would cut it."""
    cut = dict(zip(raw, ruled("clean_path(raw)", raw), strict=True))
    assert {one: clean for one, clean in cut.items() if clean != oracle.folder(one)} == {}


@settings(max_examples=15)
@given(st.lists(st.text(), max_size=50))
@example(
    ["\n", "/a\n/b=1", "a\x00b", "/" * 5000, "/a" * 5000, "s3://" + "x" * 5000, "'); --", "$1\\1", "\ud7ff/=/=", "%s{}"]
)
def test_adversarial_paths(raw):
    """No text breaks the rules, and cutting never adds anything but a scheme."""
    for one, clean in zip(raw, ruled("clean_path(raw)", raw), strict=True):
        assert len(clean or "") <= len(one) + len("dbfs:")
