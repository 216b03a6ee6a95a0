"""How often and how long a busy catalog is waited for.

Purview answers 408 and 429 under load (https://learn.microsoft.com/en-us/purview/data-map-api-request-timeout).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import requests

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that pass by themselves."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries and seconds: waits double from the first to the longest, each cut by up to a half at random.

    A Retry-After is waited for in full, up to `longest_asked`; one of 0 tells nothing. `chance` is given by tests.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_asked: float = 300.0
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    chance: Callable[[], float] = random.random

    def wait(self, attempt: int, answer: requests.Response | None) -> float:
        """Seconds to wait after a failed attempt, the first being 1; without an answer none came."""
        asked = asked_wait(answer) if answer is not None else None
        if asked:
            return min(asked, self.longest_asked)
        return min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1)) * (1 - self.chance() / 2)


DEFAULT_PATIENCE = Patience()


def asked_wait(answer: requests.Response) -> float | None:
    """Seconds of Retry-After, a number or a date told by the server's own clock; None when absent or unreadable."""
    asked = answer.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        elapsed = parsedate_to_datetime(asked) - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, elapsed.total_seconds())
