import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner.errors import SettingsError
from queries.warehouse import field_type, name_parts, nested_fields

SCHEMA = pa.schema(
    [("a", pa.string()), ("b", pa.struct([("c", pa.int64()), ("d", pa.struct([("e", pa.bool_())]))])), ("f", pa.list_(pa.struct([("g", pa.string())])))]
)  # fmt: skip


@pytest.mark.parametrize(
    ("full_name", "parts"),
    [
        ("system.access.table_lineage", ("system", "access", "table_lineage")),
        ("`my-copy`.`a b`.t", ("my-copy", "a b", "t")),
        ("`a.b`.s.`t``x`", ("a.b", "s", "t`x")),
        ("größe.s.t-1", ("größe", "s", "t-1")),
    ],
)
def test_name_parts(full_name, parts):
    """A table's name has three parts; backticks keep what is odd together."""
    assert name_parts(full_name) == parts


@pytest.mark.parametrize(
    "full_name",
    [
        "",
        "t",
        "s.t",
        "a.b.c.d",
        "a..c",
        ".a.b",
        "a.b.",
        "a.b.c;",
        "a.b.c d",
        "a.b.'c'",
        "a.b.`c",
        "a.b.``",
        "a b.c.d",
        "`a`b.c.d",
    ],
)
def test_no_table_names(full_name):
    """Anything else is refused before it comes near a warehouse."""
    with pytest.raises(SettingsError, match="is no table name") as caught:
        name_parts(full_name)
    assert "catalog.schema.table" in caught.value.mend


@given(st.tuples(*[st.text(min_size=1, max_size=10)] * 3))
def test_any_name_can_be_quoted(parts):
    """Whatever a name holds, it is itself again when every part is back-quoted."""
    assert name_parts(".".join("`" + part.replace("`", "``") + "`" for part in parts)) == parts


def test_nested_fields():
    """Columns and fields of structs, each by its path; what is inside a list is not a field of the row."""
    assert nested_fields(SCHEMA) == {("a",), ("b",), ("b", "c"), ("b", "d"), ("b", "d", "e"), ("f",)}


def test_field_type():
    """The type at the end of a path; a path that is not there is a KeyError."""
    assert field_type(SCHEMA, ("a",)) == pa.string()
    assert field_type(SCHEMA, ("b", "d", "e")) == pa.bool_()
    for path in (("x",), ("b", "x")):
        with pytest.raises(KeyError):
            field_type(SCHEMA, path)
