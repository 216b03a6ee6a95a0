import json

from hypothesis import given
from hypothesis import strategies as st

from sinks.purview.columns import column_mapping

LIMIT = 32_000


def pairs(*given_pairs):
    return [json.dumps([list(pair) for pair in given_pairs])]


def test_form():
    """The text is Purview's exact form: one object per source and sink, column names inside."""
    mapping = column_mapping({"q://src": pairs(("a", "b"), ("c", "b"))}, "q://dst", LIMIT)
    assert mapping.text == (
        '[{"DatasetMapping":{"Source":"q://src","Sink":"q://dst"},'
        '"ColumnMapping":[{"Source":"a","Sink":"b"},{"Source":"c","Sink":"b"}]}]'
    )
    assert not mapping.left_out


def test_sources_are_sorted_and_keep_their_own_pairs():
    """A column fed by two tables is shown for both, whatever the order they came in."""
    one = column_mapping({"q://b": pairs(("x", "k")), "q://a": pairs(("y", "k"))}, "q://dst", LIMIT)
    two = column_mapping({"q://a": pairs(("y", "k")), "q://b": pairs(("x", "k"))}, "q://dst", LIMIT)
    assert one == two
    shown = [(part["DatasetMapping"]["Source"], part["ColumnMapping"]) for part in json.loads(one.text)]
    assert shown == [("q://a", [{"Source": "y", "Sink": "k"}]), ("q://b", [{"Source": "x", "Sink": "k"}])]


def test_without_pairs():
    """No column known is an empty list, which erases what was there; a source without pairs is not listed."""
    assert column_mapping({"q://a": [""], "q://b": []}, "q://dst", LIMIT).text == "[]"


def test_spellings_are_folded():
    """A column is one column however it is written, and has one spelling throughout the process."""
    given_pairs = {"q://a": pairs(("ID", "Key"), ("id", "key")), "q://b": pairs(("n", "KEY"))}
    mapping = json.loads(column_mapping(given_pairs, "q://dst", LIMIT).text)
    assert [part["ColumnMapping"] for part in mapping] == [
        [{"Source": "ID", "Sink": "Key"}],
        [{"Source": "n", "Sink": "Key"}],
    ]


def test_sets_of_one_asset_are_united():
    """Two datasets that are one asset give one list without repetition."""
    given_pairs = {"q://a": [*pairs(("a", "k"), ("b", "k")), "", *pairs(("b", "k"), ("c", "k"))]}
    (part,) = json.loads(column_mapping(given_pairs, "q://dst", LIMIT).text)
    assert [pair["Source"] for pair in part["ColumnMapping"]] == ["a", "b", "c"]


def test_too_long():
    """Over the limit the largest source is left out whole, and named."""
    wide = [(f"column_{n}", "k") for n in range(1000)]
    mapping = column_mapping({"q://wide": pairs(*wide), "q://small": pairs(("a", "k"))}, "q://dst", LIMIT)
    assert mapping.left_out == {"q://wide"}
    assert [part["DatasetMapping"]["Source"] for part in json.loads(mapping.text)] == ["q://small"]


def test_limit_counts_bytes():
    """The limit is in bytes of UTF-8, not in characters."""
    given_pairs = {"q://a": pairs(*[(f"größe_{'ü' * 10}_{n}", "k") for n in range(20)])}
    size = len(column_mapping(given_pairs, "q://dst", LIMIT).text.encode())
    assert not column_mapping(given_pairs, "q://dst", size).left_out
    assert column_mapping(given_pairs, "q://dst", size - 1).left_out == {"q://a"}


NAMES = st.text(min_size=1, max_size=8)
SOURCES = st.dictionaries(NAMES, st.lists(st.lists(st.tuples(NAMES, NAMES), max_size=4), max_size=3), max_size=5)


@given(sources=SOURCES, limit=st.integers(2, 600))
def test_any_mapping(sources, limit):
    """Whatever the columns: valid JSON within the limit, every source either shown in full or named as left out."""
    texts = {source: [json.dumps(sorted(given_pairs)) for given_pairs in sets] for source, sets in sources.items()}
    mapping = column_mapping(texts, "q://dst", limit)
    shown = {part["DatasetMapping"]["Source"]: part["ColumnMapping"] for part in json.loads(mapping.text)}
    expected = {
        source: {(one.lower(), other.lower()) for given_pairs in sets for one, other in given_pairs}
        for source, sets in sources.items()
        if any(sets)
    }
    assert len(mapping.text.encode()) <= limit
    assert set(shown) | set(mapping.left_out) == set(expected)
    for source, columns in shown.items():
        assert {(one["Source"].lower(), one["Sink"].lower()) for one in columns} == expected[source]
