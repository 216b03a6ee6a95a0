"""What Purview does and Atlas does not: throttling, time-outs, tokens that end, versions, collections."""

import json
import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from miner.errors import SinkError
from sinks.purview.authentication import RENEWED_BEFORE, CredentialAuthentication
from sinks.purview.options import PurviewOptions
from sinks.purview.patience import Patience
from sinks.purview.refusals import BusyError, RefusedError
from sinks.purview.transport import API_VERSION
from tests.sinks.purview.fake_atlas import FakeAtlas, Fault
from tests.sinks.purview.given import TABLES, Reports, edge, popularity
from tests.sinks.purview.given import flows as batch_of

SMALL = PurviewOptions(max_entities=5)
BUSY = '{"error":{"code":"TooManyRequests","message":"slow down"}}'


@pytest.fixture
def catalog(atlas):
    """A catalog in which forty tables have been scanned."""
    for number in range(40):
        atlas.scanned("databricks_table", f"{TABLES}/t{number}")
    return atlas


def built(sink, count=40):
    """Entities of as many processes, with what these are part of."""
    edges = [edge(f"c.s.t{n}", f"c.s.t{(n + 1) % 40}", process=n) for n in range(count)]
    return list(sink.processes([batch_of(*edges)], Reports()))


def processes(sink, count=40):
    """As many process entities; what these are part of is sent."""
    made = built(sink, count)
    assert sink.send([one for one in made if one.kind == "runnable"]) == []
    return [one for one in made if one.kind == "process"]


def sent(sink, entities):
    """All entities sent by the workers; returns what was refused, by name."""
    refused = {}
    for delivery in sink.deliver(sink.batches(entities)):
        refused |= {one.qualified_name: one.reason for one in delivery.refused}
    return refused


def ours(catalog):
    return {name for kind, name in catalog.entities if kind == "uc_miner_process"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, {"Retry-After": "7"}, BUSY),
        Fault(429, body=BUSY),
        Fault(408),
        Fault(503, body="<html>maintenance"),
        Fault(502, late=True),
        Fault(drop=True),
        Fault(drop=True, late=True),
        Fault(slow=0.01),
    ],
    ids=["429 with a wait", "429", "408", "503", "502 after all", "reset", "reset after all", "slow"],
)
def test_trouble_that_passes_costs_no_entity(catalog, connected, fault):
    """Whatever passes by itself, several workers through it bring everything there, once.

    Five faults: one request that happened to meet them all would still have its sixth attempt.
    """
    sink = connected(SMALL)
    sink.prepare()
    catalog.faults.extend([fault, None] * (Patience().attempts - 1))
    entities = processes(sink)
    assert sent(sink, entities) == {}
    assert ours(catalog) == {one.qualified_name for one in entities}


def test_a_wait_asked_for_holds_for_all_workers(catalog, connected, clock):
    """After a 429 nothing more is asked before its Retry-After is over, by any worker."""
    sink = connected(PurviewOptions(max_entities=5, workers=1))
    sink.prepare()
    asked = []
    answer = catalog.answer
    catalog.answer = lambda request: (asked.append(clock.now), answer(request))[1]
    catalog.faults.append(Fault(429, {"Retry-After": "30"}))
    before = clock.now
    sent(sink, processes(sink))
    assert min(asked) >= before + 30


def test_throttled_without_a_word_holds_for_all(catalog, connected, slept):
    """A 429 without Retry-After is about the account as well: the wait is the miner's own, and for all."""
    sink = connected(SMALL)
    sink.prepare()
    catalog.faults.append(Fault(429))
    assert sent(sink, processes(sink, 5)) == {}
    assert slept == [1.0]


def test_the_rate_of_the_account_is_kept(catalog, connected, clock):
    """Forty entities of three operations take five seconds at 25 a second, whatever the workers could do."""
    sink = connected(SMALL, rate=25)
    sink.prepare()
    before = clock.now
    entities = processes(sink)
    sent(sink, entities)
    operations = sum(one.operations for one in entities)
    assert clock.now - before >= (operations - 5 * 3) / 25 - 1


def test_workers_work_at_once(catalog, connected):
    """Several requests travel at a time, and never more than workers."""
    sink = connected(PurviewOptions(max_entities=2, workers=4))
    sink.prepare()
    catalog.delay = 0.02
    sent(sink, processes(sink))
    assert 2 <= catalog.most_at_once <= 4
    assert len(catalog.connections) <= 4


def test_a_busy_error_keeps_what_was_said(catalog, connected):
    """After the last try status, code, words and headers are there to be looked at; arrived batches were told."""
    sink = connected(attempts=2)
    catalog.faults.extend([Fault(429, {"Retry-After": "3", "x-ms-request-id": "17"}, BUSY)] * 2)
    with pytest.raises(BusyError) as caught:
        sink.prepare()
    assert (caught.value.status, caught.value.code, caught.value.words) == (429, "TooManyRequests", "slow down")
    assert caught.value.headers["x-ms-request-id"] == "17"


def test_a_refusal_keeps_its_headers(catalog, sink):
    """Microsoft's support asks for the request's id."""
    catalog.faults.append(Fault(403, {"x-ms-request-id": "18"}))
    with pytest.raises(RefusedError) as caught:
        sink.prepare()
    assert caught.value.headers["x-ms-request-id"] == "18"


def test_references_that_vanished(catalog, connected):
    """Assets that go between look-up and send cost the entities that refer to them, and no others."""
    sink = connected(SMALL)
    sink.prepare()
    entities = processes(sink)
    for number in (7, 23):
        del catalog.entities["databricks_table", f"{TABLES}/t{number}"]
    refused = sent(sink, entities)
    assert len(refused) == 4
    assert all("ATLAS-404-00-00A" in reason for reason in refused.values())
    assert ours(catalog) == {one.qualified_name for one in entities} - refused.keys()


def test_a_body_at_which_the_server_fails(catalog, connected):
    """One entity that makes the server fail every time is a rejection, once the others prove the server sound."""
    sink = connected(SMALL, attempts=2)
    sink.prepare()
    entities = processes(sink)
    catalog.poison = entities[13].qualified_name.encode()
    assert list(sent(sink, entities)) == [entities[13].qualified_name]
    assert len(ours(catalog)) == 39
    assert list(sent(sink, entities[13:14])) == [entities[13].qualified_name]


def test_a_server_that_fails_at_everything(catalog, connected):
    """A server that fails at both halves of a batch is out of order: the run ends, nothing is rejected."""
    sink = connected(SMALL, attempts=2)
    sink.prepare()
    catalog.poison = b"uc-miner://"
    with pytest.raises(BusyError):
        sent(sink, processes(sink))


class Tokens:
    """A credential whose tokens last ten minutes."""

    def __init__(self, clock):
        self.clock = clock
        self.given = 0
        self.error = None

    def get_token(self, *_scopes, **_):
        if self.error:
            raise self.error
        self.given += 1
        return AccessToken(f"token-{self.given}", int(self.clock() + 600))


def test_tokens_are_renewed_before_they_end(clock):
    """One token serves all requests until shortly before its end."""
    tokens = Tokens(clock)
    authentication = CredentialAuthentication(tokens, "scope", clock)
    seen = []
    for seconds in (0, 100, 190, 20, 500):
        clock.now += seconds
        seen.append(authentication.get_authentication_headers()["Authorization"])
    assert seen == ["Bearer token-1"] * 3 + ["Bearer token-2", "Bearer token-3"]
    assert RENEWED_BEFORE == 300


def test_a_failed_renewal_is_no_trouble_yet(clock):
    """While a token holds, a directory that is away for a moment does not stop a run; after its end it does."""
    tokens = Tokens(clock)
    authentication = CredentialAuthentication(tokens, "scope", clock)
    authentication.get_authentication_headers()
    tokens.error = ClientAuthenticationError("away")
    clock.now += 400
    assert authentication.get_authentication_headers() == {"Authorization": "Bearer token-1"}
    clock.now += 300
    with pytest.raises(SinkError, match="the sign-in failed"):
        authentication.get_authentication_headers()


def test_a_token_that_ends_early(catalog, connected, slept):
    """A 401 in the middle, for a token that was withdrawn, costs one new token and no entity."""
    tokens = Tokens(time.time)
    sink = connected(SMALL, authentication=tokens)
    catalog.authorization = "Bearer token-1"
    sink.prepare()
    catalog.authorization = "Bearer token-2"
    entities = processes(sink)
    assert sent(sink, entities) == {}
    assert len(ours(catalog)) == 40
    assert (tokens.given, slept) == (2, [])


def test_a_credential_that_may_not(catalog, connected):
    """A 401 for a fresh token too is the credential's fault: one error, with its mend."""
    sink = connected(authentication=Tokens(time.time))
    with pytest.raises(RefusedError, match="401") as caught:
        sink.prepare()
    assert caught.value.mend
    assert len(catalog.asked) == 2


def test_a_password_is_not_replaced(catalog, sink, tmp_path, monkeypatch):
    """What a .netrc says of the host is not sent instead of the miner's own credential."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    sink.prepare()
    assert {asked.headers["authorization"] for asked in catalog.asked} == {catalog.authorization}


def test_collections(catalog, connected):
    """The collection takes what is created; what is there stays where somebody put it, and assets are not moved."""
    plain = connected(SMALL)
    plain.prepare()
    entities = processes(plain)
    sent(plain, entities[:20])
    sink = connected(PurviewOptions(max_entities=15, collection="abc123"))
    sent(sink, entities)
    placed = {key[1]: place for key, place in catalog.collections.items()}
    assert [placed[one.qualified_name] for one in entities] == [""] * 20 + ["abc123"] * 20
    sent(sink, list(sink.usage(popularity({"dataset": "c.s.t1"}), Reports())))
    assert catalog.collections["databricks_table", f"{TABLES}/t1"] == ""


def test_collections_and_versions_on_the_data_map(monkeypatch, catalog, connected):
    """Both parameters go with a request for the data map, and no collection where none is set."""
    monkeypatch.setattr(FakeAtlas, "prefix", "/datamap/api/atlas/v2")
    endpoint = catalog.endpoint.removesuffix("/api/atlas/v2")
    sink = connected(PurviewOptions(collection="abc123"), endpoint=endpoint)
    sink.prepare()
    sent(sink, built(sink, 3))
    queries = [posted.query for posted in catalog.calls("POST", "/entity/bulk")]
    assert queries == [{"collectionId": "abc123", "api-version": API_VERSION}] * 2


def test_figures_where_bulk_passes_them_over(catalog, connected):
    """A catalog that passes figures over in bulk, as Atlas 2.1 does, gets them by import; it is found out once."""
    catalog.merges = False
    sink = connected(SMALL)
    sink.prepare()
    rows = [{"dataset": f"c.s.t{number}", "trend": None if number == 3 else 0.25} for number in range(12)]
    entities = list(sink.usage(popularity(*rows), Reports()))
    assert sent(sink, entities) == {}
    wanted = [json.loads(one.body)["businessAttributes"]["UnityCatalogUsage"] for one in entities]
    assert [catalog.usage(one.qualified_name)["UnityCatalogUsage"] for one in entities] == wanted
    assert "trend_30d" not in catalog.usage(f"{TABLES}/t3")["UnityCatalogUsage"]
    assert len(catalog.calls("POST", "/entity/bulk")) == 1
    assert len(catalog.calls("POST", "/entity/businessmetadata/import")) == 3


def test_figures_of_an_asset_that_vanished(catalog, connected, monkeypatch):
    """An asset that goes before the import is a rejection with the catalog's words."""
    catalog.merges = False
    sink = connected(SMALL)
    sink.prepare()
    sent(sink, list(sink.usage(popularity({"dataset": "c.s.t0"}), Reports())))
    answer = catalog.answer

    def vanishing(asked):
        if asked.path.endswith("/import"):
            catalog.entities.pop(("databricks_table", f"{TABLES}/t2"), None)
        return answer(asked)

    monkeypatch.setattr(catalog, "answer", vanishing)
    refused = sent(sink, list(sink.usage(popularity({"dataset": "c.s.t1"}, {"dataset": "c.s.t2"}), Reports())))
    assert list(refused) == [f"{TABLES}/t2"]
    assert "no databricks_table" in refused[f"{TABLES}/t2"]
    assert catalog.usage(f"{TABLES}/t1")["UnityCatalogUsage"]["reads_30d"] == 10


def test_removals_by_several(catalog, connected):
    """Many entities are removed at once, and through trouble."""
    sink = connected(SMALL)
    sink.prepare()
    entities = processes(sink)
    sent(sink, entities)
    catalog.faults.extend([Fault(503), None, Fault(drop=True, late=True)])
    sink.remove([(one.type_name, one.qualified_name) for one in entities])
    assert ours(catalog) == set()
