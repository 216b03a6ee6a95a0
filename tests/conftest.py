"""What holds for every test. Sockets beyond 127.0.0.1 are refused by the options in pyproject.toml."""

import os

import hypothesis
import pytest

from schedules.settings.given import PREFIX

# One machine is slow where another is quick: examples have no deadline. CI tries the same examples every time.
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("same" if os.environ.get("CI") else "search")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
