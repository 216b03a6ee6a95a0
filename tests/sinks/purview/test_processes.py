import pytest

from sinks.purview.processes import Process

DOMAIN = "azuredatabricks.net"
HOST = "https://adb-6051921418418893.13.azuredatabricks.net"


def process(kind, identity, workspace="6051921418418893"):
    return Process("m", workspace, kind, identity, "", "", "")


@pytest.mark.parametrize(
    ("kind", "identity", "link"),
    [
        ("job", "12", f"{HOST}/jobs/12"),
        ("notebook", "34", f"{HOST}/#notebook/34"),
        ("pipeline", "ab-cd", f"{HOST}/pipelines/ab-cd"),
        ("dashboard", "0f", f"{HOST}/dashboardsv3/0f"),
        ("query", "e1", f"{HOST}/sql/editor/e1"),
        ("job", "nightly load", ""),
        ("genie_space", "0f", ""),
        ("ad_hoc", "", ""),
        ("pipeline", "", ""),
    ],
)
def test_links(kind, identity, link):
    """A link opens the process in its workspace; where no page is known there is none rather than a wrong one."""
    assert process(kind, identity).link(DOMAIN) == link


def test_no_host_no_link():
    """A workspace without a number, or a cloud without a domain, has no address to link to."""
    assert process("job", "12", workspace="").link(DOMAIN) == ""
    assert process("job", "12", workspace="١٢").link(DOMAIN) == ""
    assert process("job", "12").link("") == ""
    assert process("job", "12").link("databricks.azure.us").startswith("https://adb-6051921418418893.13.databricks.az")


@pytest.mark.parametrize(
    ("kind", "identity", "title"),
    [
        ("job", "12", "Job 12"),
        ("legacy_dashboard", "x", "Legacy dashboard x"),
        ("ad_hoc", "", "Ad hoc"),
        ("", "", "Ad hoc"),
    ],
)
def test_titles(kind, identity, title):
    """A person recognises the process by its kind and id."""
    assert process(kind, identity).title == title


def test_own_name():
    """Segments are percent-encoded, so that no id can pretend to be another path; an ad hoc one is its target."""
    named = process("job", "run/of the day").own_name("c.s.t")
    assert named == "uc-miner://m/6051921418418893/job/run%2Fof%20the%20day"
    assert process("ad_hoc", "x").own_name("c.s.t").endswith("/ad_hoc/c.s.t")
    assert process("job", "").own_name("s3://b/p").endswith("/job/s3%3A%2F%2Fb%2Fp")
