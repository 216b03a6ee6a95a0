"""The asset in Purview whose name comes nearest to one that was not found.

https://learn.microsoft.com/en-us/rest/api/purview/datamapdataplane/discovery/query
"""

from difflib import SequenceMatcher

from sinks.purview.assets import Asset
from sinks.purview.transport import AtlasSession

_TABLE_TYPES = ("databricks_table", "databricks_view", "hive_table", "hive_view")
_COMPARED = 20
"""Search results that are compared with a name."""


def nearest(session: AtlasSession, asset: Asset) -> str:
    """The qualified name that is most like the asset's among those a search for its own name finds; '' when none is.

    Raises SinkError.
    """
    found = session.search(asset.name, _TABLE_TYPES, _COMPARED)
    return max(found, key=lambda name: _likeness(name, asset.qualified_name), default="")


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(a=one.lower(), b=other.lower(), autojunk=False).ratio()
