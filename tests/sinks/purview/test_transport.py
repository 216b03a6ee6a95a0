import datetime as dt
from email.utils import format_datetime

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from miner.errors import SettingsError, SinkError
from sinks.purview.authentication import authenticated
from sinks.purview.patience import Patience
from sinks.purview.refusals import RefusedError
from sinks.purview.transport import API_VERSION, api_address
from tests.sinks.purview.fake_atlas import FakeAtlas, Fault
from tests.sinks.purview.given import entity


class Credential:
    """An azure-identity credential whose tokens are numbered."""

    def __init__(self, error=None):
        self.scopes = []
        self.error = error

    def get_token(self, *scopes, **_):
        self.scopes += scopes
        if self.error:
            raise self.error
        return AccessToken(f"token-{len(self.scopes)}", 0)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("https://acct.purview.azure.com", "https://acct.purview.azure.com/datamap/api/atlas/v2"),
        ("https://acct.purview.azure.com/", "https://acct.purview.azure.com/datamap/api/atlas/v2"),
        ("https://acct.purview.azure.com/catalog/api/atlas/v2/", "https://acct.purview.azure.com/catalog/api/atlas/v2"),
        (" http://127.0.0.1:21000/api/atlas/v2 ", "http://127.0.0.1:21000/api/atlas/v2"),
    ],
)
def test_addresses(endpoint, address):
    """An account's address is enough; whoever runs another catalog names the whole address."""
    assert api_address(endpoint) == address


@pytest.mark.parametrize("endpoint", ["", "acct.purview.azure.com", "ftp://x", "https://"])
def test_addresses_that_are_none(endpoint):
    """What is no web address is an error of the settings."""
    with pytest.raises(SettingsError):
        api_address(endpoint)


def test_secrets_do_not_travel_in_the_clear():
    """Without TLS a password or token goes to this machine only."""
    with pytest.raises(SettingsError, match="not https"):
        authenticated(("user", "password"), "http://atlas.example.com/api/atlas/v2")


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("acct.purview.azure.com", "https://purview.azure.net/.default"),
        ("api.purview-service.microsoft.com", "https://purview.azure.net/.default"),
        ("acct.purview.azure.us", "https://purview.azure.us/.default"),
        ("acct.purview.azure.cn", "https://purview.azure.cn/.default"),
    ],
)
def test_scopes(host, scope):
    """Every cloud has its own audience."""
    credential = Credential()
    assert authenticated(credential, f"https://{host}/").get_authentication_headers() == {
        "Authorization": "Bearer token-1"
    }
    assert credential.scopes == [scope]


def test_the_credential_is_asked_for_every_request(atlas, connected):
    """A token that was renewed is used at once: the credential keeps it, not the sink."""
    sink = connected(authentication=Credential())
    for number in (1, 2):
        atlas.authorization = f"Bearer token-{number}"
        sink.remove([("uc_miner_process", "uc-miner://gone")])


def test_no_token(connected):
    """When nobody can sign in, the error says what kind of trouble it is and what to do, in no words of the server's."""
    sink = connected(authentication=Credential(ClientAuthenticationError("AADSTS90002: tenant unknown\nlong story")))
    with pytest.raises(SinkError, match=r"the sign-in failed \(AADSTS90002\)") as caught:
        sink.prepare()
    assert "tenant unknown" not in str(caught.value)
    assert "tenant_id" in caught.value.mend


def test_the_data_map_gets_its_version(monkeypatch, atlas, connected):
    """Purview's data map demands a version with every call; a plain Atlas is not bothered with it."""
    connected().prepare()
    assert {"api-version" in asked.query for asked in atlas.asked} == {False}
    atlas.asked.clear()
    monkeypatch.setattr(FakeAtlas, "prefix", "/datamap/api/atlas/v2")
    connected(endpoint=atlas.endpoint.removesuffix("/api/atlas/v2")).prepare()
    assert {asked.query["api-version"] for asked in atlas.asked} == {API_VERSION}


def test_one_connection(atlas, sink):
    """Calls share a connection instead of making a new one each."""
    sink.prepare()
    sink.prepare()
    assert len(atlas.asked) > 5
    assert len(atlas.connections) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_waited_for(atlas, sink, slept, status):
    """Waits double from one second."""
    atlas.faults.extend([Fault(status)] * 3)
    sink.prepare()
    assert slept == [1.0, 2.0, 4.0]


def test_waits_are_spread(slept):
    """Waits differ at random, so that several miners do not come back together."""
    assert [Patience(chance=lambda: 1.0).wait(attempt, None) for attempt in (1, 2, 9)] == [0.5, 1.0, 30.0]


@pytest.mark.parametrize(("asked", "waited"), [("3", 3.0), ("0", 1.0), ("9999", 300.0), ("soon", 1.0), ("²", 1.0)])
def test_retry_after(atlas, sink, slept, asked, waited):
    """The server's own wait is kept to, within reason; words that are no wait are not."""
    atlas.faults.append(Fault(429, {"Retry-After": asked.encode().decode("latin-1")}))
    sink.prepare()
    assert slept == [waited]


def test_retry_after_as_a_date(atlas, sink, slept):
    """A date is read by the server's own clock, which may differ from ours."""
    there = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    later = format_datetime(there + dt.timedelta(seconds=30), usegmt=True)
    atlas.faults.append(Fault(503, {"Date": format_datetime(there, usegmt=True), "Retry-After": later}))
    sink.prepare()
    assert slept == [30.0]


def test_busy_for_too_long(atlas, connected, slept):
    """After the last try the error carries the server's words, and nothing is taken for sent."""
    atlas.faults.extend([Fault(503, body='{"error":{"code":"Busy","message":"come back later"}}')] * 3)
    with pytest.raises(SinkError, match=r"busy 3 times, at last: 503 Busy come back later") as caught:
        connected(attempts=3).prepare()
    assert caught.value.mend
    assert len(slept) == 2


def test_out_of_reach(connected, slept):
    """A server that is not there is an error with its mend, after the same tries."""
    with pytest.raises(SinkError, match="out of reach 2 times"):
        connected(endpoint="http://127.0.0.1:9/api/atlas/v2", attempts=2).prepare()
    assert slept == [1.0]


def test_dropped_connection(atlas, sink, slept):
    """A connection dropped in the middle is made anew."""
    atlas.faults.append(Fault(drop=True))
    sink.prepare()
    assert "uc_miner_process" in atlas.types


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(401, body="no"), "401"),
        (Fault(403, body='{"error":{"code":"Forbidden","message":"no role"}}'), "403 Forbidden: no role"),
        (Fault(404, body="<html>nothing"), "404: Not Found"),
        (Fault(400, body='{"errorCode":"ATLAS-400-00-01A","errorMessage":"bad"}'), "400 ATLAS-400-00-01A: bad"),
        (Fault(409, body='["odd"]'), "odd"),
        (Fault(409, body='{"error":"odd"}'), "odd"),
    ],
)
def test_refusals(atlas, sink, slept, fault, words):
    """A refusal is not tried again, and keeps status, code and words."""
    atlas.faults.append(fault)
    with pytest.raises(RefusedError, match=words) as caught:
        sink.prepare()
    assert caught.value.status == fault.status
    assert slept == []


def test_refused_batches_with_a_mistaken_address(atlas, connected):
    """A wrong address is one error, not a rejection of every entity."""
    with pytest.raises(RefusedError) as caught:
        connected(endpoint=atlas.endpoint.replace("/api/", "/wrong/")).send([entity(1), entity(2)])
    assert caught.value.mend
    assert len(atlas.asked) == 1


@pytest.mark.parametrize(
    "fault", [Fault(302, {"Location": "https://login.example.com"}), Fault(200, body="<html>hello")]
)
def test_answers_of_somebody_else(atlas, sink, fault):
    """A sign-in page is no catalog: neither followed nor believed."""
    atlas.faults.append(fault)
    with pytest.raises(SinkError) as caught:
        sink.prepare()
    assert "purview.endpoint" in caught.value.mend
    assert len(atlas.asked) == 1


def test_time_out(atlas, connected, slept):
    """A server that does not answer is not waited for without end."""
    atlas.faults.append(Fault(hang=0.3))
    connected(read_timeout=0.05).prepare()
    assert slept == [1.0]
