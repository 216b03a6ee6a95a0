"""Which Purview assets a dataset may be: an ordered, bounded list of candidates, or the reason why there is none.

Pure functions of a dataset and a `Context`; they never raise. docs/purview-names.md has the rules as a table.
"""

from sinks.purview.naming.candidates import MOST, Candidate, Naming
from sinks.purview.naming.context import NOTHING, Context
from sinks.purview.naming.openlineage import of_openlineage
from sinks.purview.naming.paths import of_path
from sinks.purview.naming.rules import Rule
from sinks.purview.naming.texts import of_name_text, of_path_text, of_text

__all__ = [
    "MOST",
    "NOTHING",
    "Candidate",
    "Context",
    "Naming",
    "Rule",
    "of_name_text",
    "of_openlineage",
    "of_path",
    "of_path_text",
    "of_text",
]
