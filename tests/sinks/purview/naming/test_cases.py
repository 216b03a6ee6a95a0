"""Cases written by others: each is passed, or listed with the fact that contradicts it. Sources: NOTICE.md."""

import json
from pathlib import Path

import pytest

from miner.run_names import stable_name
from sinks.purview.columns import column_mapping
from sinks.purview.naming import Context, of_name_text, of_openlineage, of_path
from sinks.purview.naming.mounts import read, scan_string
from sinks.purview.naming.openlineage import identity, location
from sinks.purview.naming.partitions import trimmed
from sinks.purview.processes import Process

CASES = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))

METASTORE = "<METASTORE_ID>"

CONTRADICTED = {
    ("abfs_to_https", "accountName"): "Purview folds the host (concept-asset-normalization): compared in lower case",
    ("https_to_abfs", "subPath0/"): "a trailing slash does not tell folders apart here; both spellings are candidates",
    ("wasb_to_https", "accountName"): "Purview folds the host (concept-asset-normalization): compared in lower case",
    ("same_location", "sp0"): "Purview matching ignores a trailing slash: for us the two are one place",
    ("parse_abfs", "#folder"): "a blob's name may hold #, and lineage has it raw: it is a path like any other",
    ("adf_run_name", "job"): "the job is no part of the name that can be told: names may hold underscores (next case)",
    ("notebook_qualified_name", ""): "the native scan's notebooks end in a number, and lineage has no notebook paths",
    ("event_filter", ""): "an edge is source and target of one row; rows with equal ends are dropped as self_edge",
}
"""What of a case is not kept, and the fact against it; the rest of the case is."""


def every(kind):
    """The cases of one kind, at least one."""
    found = [case for case in CASES if case["input"]["kind"] == kind]
    assert found
    return pytest.mark.parametrize("case", found, ids=lambda case: json.dumps(case["input"])[:90])


def candidates(found):
    return [(one.type_name, one.qualified_name) for one in found.candidates]


def names(address):
    """The names of what an address may be, hosts folded as Purview does."""
    return {one.qualified_name for one in of_path(address, METASTORE, Context()).candidates}


def same_place(a, b):
    return of_path(a, "", Context()).candidates == of_path(b, "", Context()).candidates


@every("qualified_name")
def test_qualified_names(case):
    """The asset's type and name are among the candidates; what nobody knows gives none, with a reason."""
    given = case["input"]
    found = of_openlineage(given["namespace"], given["name"], METASTORE, Context(mounts=read(given.get("mounts", []))))
    expected = case["expected"]
    if expected.get("resolved") is False:
        assert (candidates(found), bool(found.reason)) == ([], True)
        assert found.tried
    else:
        wanted = (expected["purviewType"], expected["qualifiedName"])
        assert wanted in candidates(found)
        assert found.first is not None
        assert (found.first.type_name, found.first.qualified_name) == wanted


@every("uc_qualified_name")
def test_unity_catalog_names(case):
    """Metastore, catalog, schema, table and view under the names of the native scan."""
    given = case["input"]
    parts = [given[part] for part in ("catalog", "schema", "table", "view", "column") if part in given]
    text = ".".join(parts) or f"databricks://{given['metastore_id']}"
    found = of_name_text(text, given["metastore_id"], Context(), "VIEW" if "view" in given else "")
    assert candidates(found)[0] == (case["expected"]["purviewType"], case["expected"]["qualifiedName"])


@every("mount_string")
def test_mount_strings(case):
    """What dbutils.fs.mounts() gives becomes the string of Purview's scan, and is read from it again."""
    mounts = read(case["input"]["mount_infos"])
    text = case["expected"]["mount_string"]
    assert scan_string(mounts) == text
    assert read(text) == {point: source for point, source in mounts.items() if point.startswith("/mnt/")}


@every("location_to_openlineage")
def test_openlineage_identities(case):
    """An address has OpenLineage's namespace and name, and is the same dataset by them."""
    address = case["input"]["location"]
    namespace, name = identity(address)
    assert (namespace, name) == (case["expected"]["namespace"], case["expected"]["name"])
    if "://" in address:
        again = of_openlineage(namespace, name, METASTORE, Context())
        assert again.candidates == of_path(address, METASTORE, Context()).candidates


@every("openlineage_to_location")
def test_openlineage_locations(case):
    """A namespace and a name of files are an address."""
    given = case["input"]
    assert location(given["namespace"], given["name"]) == case["expected"]["location"]


@every("partition_trim")
def test_partitions(case):
    """Partitions are cut from the end, and never the whole name."""
    assert trimmed(case["input"]["name"]) == case["expected"]["name"]


@every("abfs_to_https")
def test_adls_addresses(case):
    """An address of ADLS Gen2 becomes the scan's; one without a container is none."""
    url = case["expected"]["url"]
    found = names(case["input"]["uri"])
    assert ((url or "").replace("accountName", "accountname") in found) is case["expected"]["valid"]


@every("wasb_to_https")
def test_blob_addresses(case):
    """An address of Blob storage becomes the scan's."""
    assert case["expected"]["url"].replace("accountName", "accountname") in names(case["input"]["uri"])


@every("https_to_abfs")
def test_adls_addresses_back(case):
    """A web address and Hadoop's address of one place are one dataset."""
    assert same_place(case["input"]["url"], case["expected"]["uri"])


@every("https_to_wasb")
def test_accounts_are_no_datasets(case):
    """A storage account without a container is no dataset."""
    assert case["expected"]["valid"] is False
    assert names(case["input"]["url"]) == set()


@every("parse_abfs")
def test_any_character(case):
    """Any character of a blob's name passes; without a container there is no place."""
    uri, expected = case["input"]["uri"], case["expected"]
    if expected["valid"] or "#" in uri:
        path = expected.get("path", "/new#folder")
        assert f"https://accountname.dfs.core.windows.net/fs0{path}" in names(uri)
    else:
        assert names(uri) == set()


@every("same_location")
def test_trailing_slashes(case):
    """A trailing slash makes no other place."""
    assert same_place(case["input"]["a"], case["input"]["b"])


@every("parse_location")
def test_platforms(case):
    """The store's address is kept; an unknown scheme is nothing."""
    found = names(case["input"]["location"])
    expected = case["expected"]
    scheme = {"gcs": "gs", "s3": "s3"}.get((expected or {}).get("platform"))
    assert bool(found) is (expected is not None)
    assert expected is None or f"{scheme}://{expected['path']}" in found


@every("keep_extension")
def test_extensions(case):
    """A file keeps its extension."""
    assert any(name.endswith(f"/{case['expected']['path']}") for name in names(case["input"]["url"]))


@every("column_mapping")
def test_column_mappings(case):
    """Each pair of datasets has all its column pairs, of each source of a column."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for source, column, _, target in case["input"]["edges"]:
        pairs.setdefault(source, []).append((column, target))
    made = column_mapping(
        {source: [json.dumps(columns)] for source, columns in pairs.items()}, case["input"]["edges"][0][2], 10_000
    )
    assert [json.loads(part.text) for part in made.parts] == [case["expected"]["columnMapping"]]


@every("adf_run_name")
def test_data_factory_runs(case):
    """A run of Data Factory is called after its factory, pipeline and activity, without the run's id."""
    name = case["input"]["run_name"]
    assert stable_name(name) == case["expected"].get("task_name", name.rpartition("_")[0])


@every("same_identity")
def test_process_identity(case):
    """The same process and target are the same entity, whatever runtime, run or time."""
    runs = [Process("m", "w", "job", "7", notebook, "7", "") for notebook in (case["input"]["a"], case["input"]["b"])]
    assert len({run.own_name("t") for run in runs}) == 1


@every("event_filter")
def test_equal_ends(case):
    """Equal places are one dataset, whatever their order; a copy into another container is none of them."""
    ends = [
        {of_path(location(*one), "", Context()).candidates or location(*one) for one in case["input"][end]}
        for end in ("inputs", "outputs")
    ]
    assert (ends[0] != ends[1]) is case["expected"]["keep"]


def test_every_kind_is_tested():
    """A new kind of case needs a test."""
    tested = {
        mark.args[1][0]["input"]["kind"]
        for test in globals().values()
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "parametrize"
    }
    assert tested == {case["input"]["kind"] for case in CASES} - {"notebook_qualified_name"}
    assert {kind for kind, _ in CONTRADICTED} <= {case["input"]["kind"] for case in CASES}
