from dataclasses import fields, replace

import pytest

from sinks.purview.files import FilesSink
from sinks.purview.naming import Context
from sinks.purview.native import Creation
from sinks.purview.options import DEFAULT

OTHER = {
    "naming": Context(hive_metastore_host="host"),
    "workspace_domain": "databricks.azure.us",
    "windows": (30, 90),
    "columns": True,
    "index": "search",
    "missing": "placeholder",
    "foreign_lineage": "skip",
    "max_attribute_bytes": 1000,
    "column_parts": 1,
    "native": True,
    "creation": Creation({}, {}),
    "figures_percent": 0,
    "process_type": "p",
    "usage_group": "g",
    "statement_text": 100,
}
SENDING = {
    "max_entities": 7,
    "max_bytes": 7,
    "workers": 7,
    "operations_per_second": 7,
    "collection": "c",
    "removed": "mark",
}
CHOICE = {"process_types": "native", "native": True}
"""The choice alone builds nothing else: what comes of it does, and the files sink sets that itself."""


def test_every_option_is_known_here():
    """A new option has to say whether it changes entities."""
    assert {field.name for field in fields(DEFAULT)} == {*OTHER, *SENDING, *CHOICE}


@pytest.mark.parametrize("name", OTHER)
def test_what_changes_entities_changes_the_fingerprint(name):
    """Each option that changes what is built has everything built again."""
    assert replace(DEFAULT, **{name: OTHER[name]}).fingerprint != DEFAULT.fingerprint


def test_sending_changes_no_entity():
    """Other limits of a request, another rate or collection are no reason to build again."""
    assert replace(DEFAULT, **SENDING).fingerprint == DEFAULT.fingerprint


def test_types_that_are_chosen_change_the_fingerprint(tmp_path):
    """The files sink, which has no catalog to ask, builds native entities only when told to, and then all anew."""
    plain = FilesSink(tmp_path).fingerprint
    assert FilesSink(tmp_path, replace(DEFAULT, process_types="own")).fingerprint == plain
    assert FilesSink(tmp_path, replace(DEFAULT, process_types="native")).fingerprint != plain


def test_no_statement_s_text_changes_nothing():
    """Unless texts are told, what was built before there were any need not be looked at again."""
    fingerprints = {replace(DEFAULT, statement_text=length).fingerprint for length in (0, 1, 100)}
    assert len(fingerprints) == 3
    assert DEFAULT.fingerprint in fingerprints
