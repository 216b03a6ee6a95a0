"""What moved the data: how a process is told from others, how a person recognises it, where it opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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


@dataclass(frozen=True, slots=True)
class Process:
    """The identity of a process and, as attributes, what it ran inside of. Absent ids are ''."""

    metastore_id: str
    workspace_id: str
    kind: str
    id: str
    notebook_id: str
    job_id: str
    pipeline_id: str

    @property
    def ad_hoc(self) -> bool:
        """True when nothing but its target tells the process from others."""
        return self.kind == AD_HOC or not self.id

    @property
    def title(self) -> str:
        """Such as `Job 123`."""
        words = self.kind.replace("_", " ").capitalize() or "Ad hoc"
        return words if self.ad_hoc else f"{words} {self.id}"

    def qualified_name(self, target: str, target_hash: str) -> str:
        """`uc-miner://<metastore>/<workspace>/<kind>/<id>/<hash of the target's identity>`, segments percent-encoded.

        An own scheme, so that processes of the native scan are never overwritten. The id of an ad hoc process is its
        target.
        """
        parts = (self.metastore_id, self.workspace_id, self.kind, target if self.ad_hoc else self.id)
        return f"{SCHEME}{'/'.join(map(_segment, parts))}/{target_hash}"

    def link(self, domain: str) -> str:
        """The page of the process in its Azure workspace, '' when it has none.

        https://learn.microsoft.com/en-us/azure/databricks/workspace/workspace-details gives the host's form.
        """
        page = _PAGES.get(self.kind)
        workspace = _workspace(self.workspace_id, domain)
        if not (page and workspace and self.id) or (self.kind in _NUMBERED and not _number(self.id)):
            return ""
        return f"{workspace}/{page}{_segment(self.id)}"


@lru_cache(maxsize=65_536)
def _segment(part: str) -> str:
    return quote(part, safe="")


@lru_cache(maxsize=1_024)
def _workspace(workspace_id: str, domain: str) -> str:
    if not (domain and _number(workspace_id)):
        return ""
    return f"https://adb-{workspace_id}.{int(workspace_id) % 20}.{domain}"


def _number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _DIGITS
