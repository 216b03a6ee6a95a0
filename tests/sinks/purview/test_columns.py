import json

from hypothesis import given
from hypothesis import strategies as st

from sinks.purview.columns import column_mapping

LIMIT = 32_000


def pairs(*given_pairs):
    return [json.dumps([list(pair) for pair in given_pairs])]


def only(mapping):
    """The text of a mapping in one part."""
    (part,) = mapping.parts
    return part.text


def shown(mapping):
    """The pairs of each source, over all parts."""
    told = {}
    for part in mapping.parts:
        for one in json.loads(part.text):
            assert one["DatasetMapping"]["Source"] in part.sources
            told.setdefault(one["DatasetMapping"]["Source"], []).extend(one["ColumnMapping"])
    return told


def test_form():
    """The text is Purview's exact form: one object per source and sink, column names inside."""
    mapping = column_mapping({"q://src": pairs(("a", "b"), ("c", "b"))}, "q://dst", LIMIT)
    assert only(mapping) == (
        '[{"DatasetMapping":{"Source":"q://src","Sink":"q://dst"},'
        '"ColumnMapping":[{"Source":"a","Sink":"b"},{"Source":"c","Sink":"b"}]}]'
    )
    assert not mapping.left_out


def test_sources_are_sorted_and_keep_their_own_pairs():
    """A column fed by two tables is shown for both, whatever the order they came in."""
    one = column_mapping({"q://b": pairs(("x", "k")), "q://a": pairs(("y", "k"))}, "q://dst", LIMIT)
    two = column_mapping({"q://a": pairs(("y", "k")), "q://b": pairs(("x", "k"))}, "q://dst", LIMIT)
    assert one == two
    shown = [(part["DatasetMapping"]["Source"], part["ColumnMapping"]) for part in json.loads(only(one))]
    assert shown == [("q://a", [{"Source": "y", "Sink": "k"}]), ("q://b", [{"Source": "x", "Sink": "k"}])]


def test_without_pairs():
    """No column known is an empty list, which erases what was there; a source without pairs is not listed."""
    assert only(column_mapping({"q://a": [""], "q://b": []}, "q://dst", LIMIT)) == "[]"


def test_spellings_are_folded():
    """A column is one column however it is written, and has one spelling throughout the process."""
    given_pairs = {"q://a": pairs(("ID", "Key"), ("id", "key")), "q://b": pairs(("n", "KEY"))}
    mapping = json.loads(only(column_mapping(given_pairs, "q://dst", LIMIT)))
    assert [part["ColumnMapping"] for part in mapping] == [
        [{"Source": "ID", "Sink": "Key"}],
        [{"Source": "n", "Sink": "Key"}],
    ]


def test_sets_of_one_asset_are_united():
    """Two datasets that are one asset give one list without repetition."""
    given_pairs = {"q://a": [*pairs(("a", "k"), ("b", "k")), "", *pairs(("b", "k"), ("c", "k"))]}
    (part,) = json.loads(only(column_mapping(given_pairs, "q://dst", LIMIT)))
    assert [pair["Source"] for pair in part["ColumnMapping"]] == ["a", "b", "c"]


def test_too_long():
    """Over the limit further parts carry the rest: nothing is lost, and a source is parted only when it must be."""
    given_pairs = {f"q://{n}": pairs(*[(f"column_{n}_{at}", "k") for at in range(20)]) for n in range(5)}
    mapping = column_mapping(given_pairs, "q://dst", 2_000, 8)
    assert len(mapping.parts) > 1
    assert not mapping.left_out
    assert all(len(part.text.encode()) <= 2_000 for part in mapping.parts)
    assert sum(len(part.sources) for part in mapping.parts) == len(given_pairs)
    assert {source: len(columns) for source, columns in shown(mapping).items()} == dict.fromkeys(given_pairs, 20)


def test_one_source_too_long():
    """A source whose pairs alone exceed the limit is parted into several objects of the same pair of datasets."""
    wide = [(f"column_{n:04}", "k") for n in range(1000)]
    mapping = column_mapping({"q://wide": pairs(*wide), "q://a": pairs(("a", "k"))}, "q://dst", 10_000, 8)
    assert not mapping.left_out
    assert [one["Source"] for one in shown(mapping)["q://wide"]] == [source for source, _ in wide]
    assert sum("q://wide" in part.sources for part in mapping.parts) > 1


def test_too_long_for_all_parts():
    """When the parts do not take all, the largest source is left out whole, and named."""
    wide = [(f"column_{n}", "k") for n in range(1000)]
    mapping = column_mapping({"q://wide": pairs(*wide), "q://small": pairs(("a", "k"))}, "q://dst", LIMIT)
    assert mapping.left_out == {"q://wide"}
    assert list(shown(mapping)) == ["q://small"]


def test_limit_counts_bytes():
    """The limit is in bytes of UTF-8, not in characters."""
    given_pairs = {"q://a": pairs(*[(f"größe_{'ü' * 10}_{n}", "k") for n in range(20)])}
    size = len(only(column_mapping(given_pairs, "q://dst", LIMIT)).encode())
    assert len(column_mapping(given_pairs, "q://dst", size, 2).parts) == 1
    assert len(column_mapping(given_pairs, "q://dst", size - 1, 2).parts) == 2
    assert column_mapping(given_pairs, "q://dst", size - 1).left_out == {"q://a"}


NAMES = st.text(min_size=1, max_size=8)
SOURCES = st.dictionaries(NAMES, st.lists(st.lists(st.tuples(NAMES, NAMES), max_size=4), max_size=3), max_size=5)


@given(sources=SOURCES, limit=st.integers(2, 600), most=st.integers(1, 4))
def test_any_mapping(sources, limit, most):
    """Whatever the columns: valid JSON within the limits, every source either shown in full or named as left out."""
    texts = {source: [json.dumps(sorted(given_pairs)) for given_pairs in sets] for source, sets in sources.items()}
    mapping = column_mapping(texts, "q://dst", limit, most)
    told = shown(mapping)
    expected = {
        source: {(one.lower(), other.lower()) for given_pairs in sets for one, other in given_pairs}
        for source, sets in sources.items()
        if any(sets)
    }
    assert 1 <= len(mapping.parts) <= most
    assert all(len(part.text.encode()) <= limit for part in mapping.parts)
    assert told.keys() | mapping.left_out == expected.keys()
    assert not told.keys() & mapping.left_out
    for source, columns in told.items():
        assert {(one["Source"].lower(), one["Sink"].lower()) for one in columns} == expected[source]


@given(sources=SOURCES, limit=st.integers(200, 600))
def test_enough_parts(sources, limit):
    """With parts enough nothing is left out, and one part is all where it is long enough."""
    texts = {source: [json.dumps(sorted(given_pairs)) for given_pairs in sets] for source, sets in sources.items()}
    assert not column_mapping(texts, "q://dst", limit, 1000).left_out
    assert len(column_mapping(texts, "q://dst", 100_000, 1000).parts) == 1
