"""pyapacheatlas's client over one pooled session, with time-outs, retries, and errors that keep their words.

As it comes, the client opens a connection per call, waits for ever, drops the status and headers of a failure, and
raises an exception that `except Exception` does not catch; so the four methods that touch the wire are replaced.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import structlog
from pyapacheatlas.core import AtlasClient
from pyapacheatlas.core.util import AtlasResponse
from requests.adapters import HTTPAdapter

from miner.errors import SettingsError, SinkError
from sinks.purview.authentication import CredentialAuthentication, PasswordAuthentication
from sinks.purview.lanes import Lanes
from sinks.purview.pace import Pace
from sinks.purview.patience import RETRIED, Patience, asked_wait
from sinks.purview.refusals import ENDPOINT_MEND, BusyError, code_and_words, refusal

log = structlog.get_logger()

API_VERSION = "2023-09-01"

_PAGE = 1_000
"""Results of a search that Purview gives at once, at most."""

Parameters = Mapping[str, Any] | None
Outcome = requests.Response | requests.RequestException


@dataclass(frozen=True, slots=True)
class _Request:
    """One request: its body as bytes, as a value to be written as JSON, or as files of a form."""

    method: str
    url: str
    parameters: Mapping[str, Any]
    body: object = None
    files: Mapping[str, tuple[str, bytes]] | None = None
    operations: int = 1

    @property
    def content(self) -> dict[str, Any]:
        """The arguments of `requests` for the body."""
        if self.files is not None:
            return {"files": self.files}
        return {"data": self.body} if isinstance(self.body, bytes) else {"json": self.body}


class AtlasSession(AtlasClient):  # type: ignore[misc]
    """An AtlasClient for the address of an Atlas v2 API, shared by some workers.

    Every call raises RefusedError when the catalog refuses, BusyError when it stays busy or out of reach.
    """

    def __init__(
        self,
        address: str,
        authentication: CredentialAuthentication | PasswordAuthentication,
        patience: Patience,
        pace: Pace,
        workers: int,
    ) -> None:
        super().__init__(address, authentication)
        self._fixed = {"api-version": API_VERSION} if "/datamap/" in address else {}
        self._patience = patience
        self._pace = pace
        self._lanes = Lanes(workers)
        self._session = requests.Session()
        self._session.auth = _as_given
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, HTTPAdapter(pool_maxsize=workers, pool_block=True))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def post_bulk(self, body: bytes, parameters: Mapping[str, str], operations: int) -> None:
        """Post the body of `/entity/bulk` as it is."""
        self._call(_Request("POST", f"{self.endpoint_url}/entity/bulk", parameters, body, operations=operations))

    def put_attributes(self, type_name: str, qualified_name: str, attributes: Mapping[str, Any]) -> None:
        """Change some attributes of an entity, given by its name.

        https://learn.microsoft.com/en-us/rest/api/purview/datamapdataplane/entity/update-by-unique-attribute
        """
        entity = {"typeName": type_name, "attributes": {"qualifiedName": qualified_name, **attributes}}
        url = f"{self.endpoint_url}/entity/uniqueAttribute/type/{quote(type_name, safe='')}"
        self._put_http(url, params={"attr:qualifiedName": qualified_name}, json={"entity": entity})

    def put_typedefs(self, typedefs: Mapping[str, Any]) -> None:
        """Renew definitions that are there."""
        self._put_http(f"{self.endpoint_url}/types/typedefs", json=typedefs)

    def entity_types(self) -> frozenset[str]:
        """The names of the catalog's types of entities."""
        return frozenset(self._get_typedefs_header().get("entityDefs", []))

    @property
    def searches(self) -> bool:
        """Whether names can be searched for: a plain Atlas may have no index to search in."""
        return bool(self._fixed)

    def search(self, keywords: str, type_names: Sequence[str], limit: int) -> list[str]:
        """Qualified names of assets of some types that a search for keywords finds, best first; Purview alone."""
        types = [{"entityType": name} for name in type_names]
        found = self._queried({"keywords": keywords, "filter": {"or": types}, "limit": limit}).get("value") or []
        return [one["qualifiedName"] for one in found if one.get("qualifiedName")]

    def pages(self, type_name: str) -> Iterator[list[tuple[str, str]]]:
        """Type and qualified name of all assets of a type, a page at a time; Purview alone.

        https://learn.microsoft.com/en-us/rest/api/purview/datamapdataplane/discovery/query
        """
        body: dict[str, object] = {"keywords": None, "filter": {"entityType": type_name}, "limit": _PAGE}
        while True:
            answer = self._queried(body)
            found = answer.get("value") or []
            yield [(type_name, one["qualifiedName"]) for one in found if one.get("qualifiedName")]
            token = answer.get("continuationToken")
            if not token or not found:
                return
            body["continuationToken"] = token

    def _queried(self, body: Mapping[str, object]) -> Mapping[str, Any]:
        address = f"{self.endpoint_url.removesuffix('/atlas/v2')}/search/query"
        answer: Mapping[str, Any] = self._post_http(address, json=body).body
        return answer

    def import_template(self) -> str:
        """The form in which the catalog takes figures in bulk, as CSV."""
        url = f"{self.endpoint_url}/entity/businessmetadata/import/template"
        return self._answer(_Request("GET", url, {})).text

    def import_figures(self, table: bytes, operations: int) -> Mapping[str, Any]:
        """Post figures as CSV; the answer tells by line what failed."""
        url = f"{self.endpoint_url}/entity/businessmetadata/import"
        form = {"file": ("figures.csv", table)}
        told: Mapping[str, Any] = self._call(_Request("POST", url, {}, files=form, operations=operations)).body
        return told

    def _get_http(self, url: str, params: Parameters = None, **_: object) -> AtlasResponse:
        return self._call(_Request("GET", url, params or {}))

    def _post_http(self, url: str, params: Parameters = None, json: object = None, **_: object) -> AtlasResponse:
        return self._call(_Request("POST", url, params or {}, json))

    def _put_http(self, url: str, params: Parameters = None, json: object = None, **_: object) -> AtlasResponse:
        return self._call(_Request("PUT", url, params or {}, json))

    def _delete_http(self, url: str, params: Parameters = None, json: object = None, **_: object) -> AtlasResponse:
        return self._call(_Request("DELETE", url, params or {}, json))

    def _call(self, request: _Request) -> AtlasResponse:
        answer = self._answer(request)
        try:
            return AtlasResponse(answer)
        except ValueError as error:
            raise SinkError(f"{answer.url} did not answer in JSON", mend=ENDPOINT_MEND) from error

    def _answer(self, request: _Request) -> requests.Response:
        """One request, tried again while the catalog is busy or out of reach."""
        attempt = 1
        while True:
            self._pace.take(request.operations)
            with self._lanes.lane():
                answer = self._with_fresh_token(request)
            if isinstance(answer, requests.Response) and answer.status_code not in RETRIED:
                self._lanes.calm()
                return _accepted(answer)
            self._lanes.trouble()
            if attempt >= self._patience.attempts:
                raise _given_up(answer, attempt)
            self._wait(attempt, answer)
            attempt += 1

    def _with_fresh_token(self, request: _Request) -> Outcome:
        """One attempt, and a second one where the token alone was refused: it may end before its time."""
        headers = self.authentication.get_authentication_headers()
        answer = self._attempt(request, headers)
        refused = isinstance(answer, requests.Response) and answer.status_code == HTTPStatus.UNAUTHORIZED
        if refused and self.authentication.forget(headers):
            return self._attempt(request, self.authentication.get_authentication_headers())
        return answer

    def _attempt(self, request: _Request, authorization: Mapping[str, str]) -> Outcome:
        headers = {**self._USER_AGENT, **authorization}
        if request.files is None:
            headers["Content-Type"] = "application/json"
        try:
            return self._session.request(
                request.method,
                request.url,
                {**request.parameters, **self._fixed},
                headers=headers,
                timeout=(self._patience.connect_timeout, self._patience.read_timeout),
                allow_redirects=False,
                **request.content,
            )
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            return error
        except requests.RequestException as error:
            raise SinkError(f"{request.url} cannot be asked: {error}", mend=ENDPOINT_MEND) from error

    def _wait(self, attempt: int, answer: Outcome) -> None:
        """Wait as long as asked, or longer each time: all workers when it is about the account, else this one."""
        response = answer if isinstance(answer, requests.Response) else None
        seconds = self._patience.wait(attempt, response)
        status = type(answer).__name__ if response is None else response.status_code
        log.warning("purview.waited", attempt=attempt, status=status, seconds=round(seconds, 1))
        if response is not None and (status == HTTPStatus.TOO_MANY_REQUESTS or asked_wait(response)):
            self._pace.pause(seconds)
        else:
            self._pace.rest(seconds)


def api_address(endpoint: str) -> str:
    """The address of the Atlas v2 API: that of the data map when only an account is named. Raises SettingsError."""
    address = urlsplit(endpoint.strip())
    if address.scheme not in {"https", "http"} or not address.hostname:
        raise SettingsError(f"{endpoint!r} is no web address", mend=ENDPOINT_MEND)
    path = address.path.rstrip("/") or "/datamap/api/atlas/v2"
    return f"{address.scheme}://{address.netloc}{path}"


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep `requests` from replacing our header by what a .netrc says of the host."""
    return request


def _accepted(answer: requests.Response) -> requests.Response:
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise refusal(answer)
    if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise SinkError(f"{answer.url} sends elsewhere ({answer.status_code})", mend=ENDPOINT_MEND)
    return answer


def _given_up(answer: Outcome, attempts: int) -> BusyError:
    mend = "the next run sends what was not sent; if this happens often, raise the account's capacity units"
    if isinstance(answer, requests.Response):
        words = " ".join(filter(None, code_and_words(answer)))
        return BusyError(f"Purview was busy {attempts} times, at last: {answer.status_code} {words}", mend, answer)
    return BusyError(f"Purview was out of reach {attempts} times, at last: {answer}", ENDPOINT_MEND)
