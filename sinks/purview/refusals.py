"""What a catalog says when it will not carry out a request."""

from collections.abc import Mapping
from http import HTTPStatus

import requests

from miner.errors import SinkError

ENDPOINT_MEND = "look at purview.account and purview.endpoint; the name of the account is enough"

_MENDS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "look at the reason; definitions in the catalog may differ from the miner's",
    HTTPStatus.UNAUTHORIZED: "look at the credential: its tenant, when its secret ends, and who it belongs to",
    HTTPStatus.FORBIDDEN: "give the identity the role Data Curator on the root collection of the Purview account",
    HTTPStatus.NOT_FOUND: ENDPOINT_MEND,
}


NO_HEADERS: Mapping[str, str] = {}

_CONTENT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class BusyError(SinkError):
    """Trouble that should pass by itself did not, through all attempts; `status` is 0 when no answer came."""

    def __init__(self, message: str, mend: str, answer: requests.Response | None = None) -> None:
        super().__init__(message, mend=mend)
        self.status = 0 if answer is None else answer.status_code
        self.code, self.words = ("", "") if answer is None else code_and_words(answer)
        self.headers: Mapping[str, str] = NO_HEADERS if answer is None else answer.headers


class RefusedError(SinkError):
    """A refusal with its status, the catalog's code for it, its words, and the answer's headers."""

    def __init__(self, status: int, code: str, words: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        told = " ".join(filter(None, [str(status), code]))
        super().__init__(f"Purview refused with {told}: {words}", mend=_MENDS.get(status, ""))
        self.status = status
        self.code = code
        self.words = words
        self.headers = headers

    @property
    def about_the_body(self) -> bool:
        """True when what was sent is at fault, so that a part of it may still be taken."""
        named = self.status in _CONTENT and bool(self.code)
        return named or self.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    @property
    def absent(self) -> bool:
        """True when the catalog itself says that it has no such thing; a wrong address has no code."""
        return self.status == HTTPStatus.NOT_FOUND and bool(self.code)


def refusal(answer: requests.Response) -> RefusedError:
    """The refusal in an answer."""
    return RefusedError(answer.status_code, *code_and_words(answer), answer.headers)


def code_and_words(answer: requests.Response) -> tuple[str, str]:
    """The error's code and words in Atlas's form (`errorCode`) or in Azure's (`error.code`); no code otherwise."""
    try:
        told = answer.json()
    except ValueError:
        page = answer.text.lstrip().startswith("<")
        return "", answer.reason if page else answer.text[:300] or answer.reason
    error = told.get("error", told) if isinstance(told, dict) else None
    if not isinstance(error, dict):
        return "", str(told)[:300]
    code = error.get("errorCode") or error.get("code") or ""
    return str(code), str(error.get("errorMessage") or error.get("message") or answer.reason)
