"""Who reads: people told from machines by what the system tables call them."""

import re

_APPLICATION = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

PERSON = "person"
SERVICE_PRINCIPAL = "service_principal"
SYSTEM = "system"
DASHBOARD = "dashboard"
REDACTED = "redacted"
GROUP = "group"
UNKNOWN = "unknown"

MACHINE_KINDS = frozenset({"job", "pipeline", "submitted_run", "submitted_runs", "alert"})
"""Kinds of process that run by themselves: what they read is no person's reading, whoever they run as."""


def kind_of(name: str) -> str:
    """What a reader's folded name is: a person has an e-mail address, a service principal its application id."""
    if not name:
        return UNKNOWN
    if name == "system-user":
        return SYSTEM
    if name == "__redacted__":
        return REDACTED
    if name.startswith("dashboard:"):
        return DASHBOARD
    if _APPLICATION.fullmatch(name):
        return SERVICE_PRINCIPAL
    return PERSON if "@" in name else GROUP
