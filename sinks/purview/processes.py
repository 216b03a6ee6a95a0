"""What moved the data: how a process is told from others, how a person recognises it, where it opens."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from sinks.purview.ownership import SCHEME

AD_HOC = "ad_hoc"

_PAGES: Mapping[str, str] = {
    "notebook": "#notebook/",
    "job": "jobs/",
    "pipeline": "pipelines/",
    "dashboard": "dashboardsv3/",
    "query": "sql/editor/",
}
"""Pages of a workspace, by kind of process."""

_NUMBERED = frozenset({"notebook", "job"})
"""Kinds whose pages are found by number alone; one-time runs under a name of ours have no page."""

_DIGITS = 20
"""More than any number Databricks gives."""


class Process(NamedTuple):
    """The identity of a process and, as attributes, what it ran inside of. Absent ids are ''."""

    metastore_id: str
    workspace_id: str
    kind: str
    id: str
    notebook_id: str
    job_id: str
    pipeline_id: str
    label: str = ""
    task_key: str = ""
    workspace_name: str = ""
    workspace_url: str = ""

    @property
    def ad_hoc(self) -> bool:
        """True when nothing but its target tells the process from others."""
        return self.kind == AD_HOC or not self.id

    @property
    def title(self) -> str:
        """Such as `Job 123`, or `Job nightly load` where it is known what it is called."""
        words = _words(self.kind)
        return words if self.ad_hoc else f"{words} {self.label or self.id}"

    def own_name(self, target: str) -> str:
        """`uc-miner://<metastore>/<workspace>/<kind>/<id>`, segments percent-encoded.

        An own scheme, so that what the native scan makes is never overwritten. The id of an ad hoc process is its
        target.
        """
        parts = (self.metastore_id, self.workspace_id, self.kind, target if self.ad_hoc else self.id)
        return f"{SCHEME}{'/'.join(map(_segment, parts))}"

    def host(self, domain: str) -> str:
        """The host of its Azure workspace, '' when it is not known.

        https://learn.microsoft.com/en-us/azure/databricks/workspace/workspace-details gives its form. It follows from
        the id alone, so that it may go into identities.
        """
        return _host(self.workspace_id, domain)

    def told(self, domain: str) -> dict[str, str]:
        """What entities of our own types say of it."""
        return {
            "metastoreId": self.metastore_id,
            "workspaceId": self.workspace_id,
            "workspaceName": self.workspace_name,
            "processKind": self.kind,
            "processId": self.id,
            "link": self.link(domain),
        }

    def link(self, domain: str) -> str:
        """The page of the process in its workspace, '' when it has none."""
        page = _PAGES.get(self.kind)
        host = self.host(domain)
        workspace = self.workspace_url or (f"https://{host}" if host else "")
        if not (page and workspace and self.id) or (self.kind in _NUMBERED and not self.numbered):
            return ""
        return f"{workspace}/{page}{_segment(self.id)}"

    @property
    def numbered(self) -> bool:
        """True when its id is a number of Databricks, and not a name of ours."""
        return _number(self.id)


@lru_cache(maxsize=64)
def _words(kind: str) -> str:
    return kind.replace("_", " ").capitalize() or "Ad hoc"


@lru_cache(maxsize=65_536)
def _segment(part: str) -> str:
    plain = part.isascii() and part.replace("-", "").isalnum()
    return part if plain else quote(part, safe="")


@lru_cache(maxsize=1_024)
def _host(workspace_id: str, domain: str) -> str:
    if not (domain and _number(workspace_id)):
        return ""
    return f"adb-{workspace_id}.{int(workspace_id) % 20}.{domain}"


def _number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _DIGITS
