"""pyapacheatlas's client over one pooled session, with time-outs, retries, and errors that keep their words.

As it comes, the client opens a connection per call, waits for ever, drops the status and headers of a failure, and
raises an exception that `except Exception` does not catch; so the four methods that touch the wire are replaced.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from pyapacheatlas.core import AtlasClient
from pyapacheatlas.core.util import AtlasResponse
from requests.adapters import HTTPAdapter

from miner.errors import SettingsError, SinkError
from sinks.purview.authentication import Authentication, authenticated
from sinks.purview.patience import RETRIED, Patience
from sinks.purview.refusals import ENDPOINT_MEND, code_and_words, refusal

log = structlog.get_logger()

API_VERSION = "2023-09-01"

Parameters = Mapping[str, Any] | None


class AtlasSession(AtlasClient):  # type: ignore[misc]
    """An AtlasClient for a Purview account's address, or for the whole address of an Atlas v2 API.

    Every call raises RefusedError when the catalog refuses, SinkError when it cannot be reached.
    """

    def __init__(self, endpoint: str, authentication: Authentication, patience: Patience) -> None:
        address = api_address(endpoint)
        super().__init__(address, authenticated(authentication, address))
        self._fixed = {"api-version": API_VERSION} if "/datamap/" in address else {}
        self._patience = patience
        self._session = requests.Session()
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, HTTPAdapter(pool_maxsize=patience.connections))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def post_bulk(self, body: bytes, parameters: Mapping[str, str]) -> None:
        """Post the body of `/entity/bulk` as it is."""
        self._call("POST", f"{self.endpoint_url}/entity/bulk", parameters, body)

    def put_typedefs(self, typedefs: Mapping[str, Any]) -> None:
        """Renew definitions that are there."""
        self._call("PUT", f"{self.endpoint_url}/types/typedefs", None, typedefs)

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
        body = {"keywords": keywords, "filter": {"or": types}, "limit": limit}
        address = f"{self.endpoint_url.removesuffix('/atlas/v2')}/search/query"
        found = self._post_http(address, json=body).body.get("value") or []
        return [one["qualifiedName"] for one in found if one.get("qualifiedName")]

    def _get_http(self, url: str, params: Parameters = None, **_: object) -> AtlasResponse:
        return self._call("GET", url, params)

    def _post_http(self, url: str, params: Parameters = None, json: object = None, **_: object) -> AtlasResponse:
        return self._call("POST", url, params, json)

    def _put_http(self, url: str, params: Parameters = None, json: object = None, **_: object) -> AtlasResponse:
        return self._call("PUT", url, params, json)

    def _delete_http(self, url: str, params: Parameters = None, json: object = None, **_: object) -> AtlasResponse:
        return self._call("DELETE", url, params, json)

    def _call(self, method: str, url: str, params: Parameters, body: object = None) -> AtlasResponse:
        """One request, tried again while the catalog is busy or out of reach."""
        attempt = 1
        while True:
            answer = self._attempt(method, url, {**(params or {}), **self._fixed}, body)
            if isinstance(answer, requests.Response) and answer.status_code not in RETRIED:
                return _accepted(answer)
            if attempt >= self._patience.attempts:
                raise _given_up(answer, attempt)
            self._wait(attempt, answer)
            attempt += 1

    def _attempt(
        self, method: str, url: str, params: Mapping[str, Any], body: Any
    ) -> requests.Response | requests.RequestException:
        headers = self.generate_request_headers({"Content-Type": "application/json"})
        data, json = (body, None) if isinstance(body, bytes) else (None, body)
        timeout = (self._patience.connect_timeout, self._patience.read_timeout)
        try:
            return self._session.request(
                method, url, params, data, headers, json=json, timeout=timeout, allow_redirects=False
            )
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            return error
        except requests.RequestException as error:
            raise SinkError(f"{url} cannot be asked: {error}", mend=ENDPOINT_MEND) from error

    def _wait(self, attempt: int, answer: requests.Response | requests.RequestException) -> None:
        response = answer if isinstance(answer, requests.Response) else None
        seconds = self._patience.wait(attempt, response)
        status = type(answer).__name__ if response is None else response.status_code
        log.warning("purview.waited", attempt=attempt, status=status, seconds=round(seconds, 1))
        self._patience.sleep(seconds)


def api_address(endpoint: str) -> str:
    """The address of the Atlas v2 API: that of the data map when only an account is named. Raises SettingsError."""
    address = urlsplit(endpoint.strip())
    if address.scheme not in {"https", "http"} or not address.hostname:
        raise SettingsError(f"{endpoint!r} is no web address", mend=ENDPOINT_MEND)
    path = address.path.rstrip("/") or "/datamap/api/atlas/v2"
    return f"{address.scheme}://{address.netloc}{path}"


def _accepted(answer: requests.Response) -> AtlasResponse:
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise refusal(answer)
    if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise SinkError(f"{answer.url} sends elsewhere ({answer.status_code})", mend=ENDPOINT_MEND)
    try:
        return AtlasResponse(answer)
    except ValueError as error:
        raise SinkError(f"{answer.url} did not answer in JSON", mend=ENDPOINT_MEND) from error


def _given_up(answer: requests.Response | requests.RequestException, attempts: int) -> SinkError:
    mend = "the next run sends what was not sent; if this happens often, raise the account's capacity units"
    if isinstance(answer, requests.Response):
        words = " ".join(filter(None, code_and_words(answer)))
        return SinkError(f"Purview was busy {attempts} times, at last: {answer.status_code} {words}", mend=mend)
    return SinkError(f"Purview was out of reach {attempts} times, at last: {answer}", mend=ENDPOINT_MEND)
