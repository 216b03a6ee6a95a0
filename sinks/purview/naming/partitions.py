"""What of a path is the dataset: partitions, files and logs cut off, and what Purview's scan makes of the rest.

| last part of a path | is cut by |
|---|---|
| `_delta_log`, `_change_data`, `_spark_metadata`, … and all below | internal folder |
| `part-00000-….parquet` | a file of a table |
| `key=value` | partition by a column |
| `20250721`, `2025-07-21`, `21.07.2025`, each with a time or none, `202507`, `2025-07` | partition by a date |
| `2025/07`, `2025/07/21`, `2025/07/21/13` | partition by parts of a date |

Cut until nothing changes; never the whole name. https://github.com/OpenLineage/OpenLineage (DatasetReducer)
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

PATTERN, FOLDER, FILE = "resource-set", "folder", "file"

TOKENS = frozenset(
    "{N} {GUID} {LOC} {HEX} {Year} {Month} {Day} {Hour} {Minute} {Second} {SparkPartitions}".split(" ")  # noqa: SIM905
)
"""What Purview puts for the varying parts of a resource set's name.

https://learn.microsoft.com/en-us/purview/concept-resource-sets
"""

_INTERNAL = frozenset(
    ("_delta_log", "_change_data", "_spark_metadata", "_delta_index", "_temporary", ".hoodie", "_SUCCESS")
)
_TABLE_FILE = re.compile(r"(?:part|cdc)-\d{4,}.*|_(?:committed|started)_\d+|deletion_vector_.*\.bin", re.DOTALL)
_FILE = re.compile(
    r".+\.(?:csv|tsv|psv|ssv|txt|log|json[l5]?|ndjson|geojson|xml|ya?ml|avro|orc|parquet|arrow|feather|delta|xlsx?|xlsm"
    r"|docx?|pptx?|pdf|html?|zip|gz|gzip|bz2|zst|lz4|tar|tgz|7z|py|sql|ipynb|whl|jar|jpe?g|png|gif|tiff?|mp[34]|wav"
    r"|bin|dat|pkl|pt|onnx|h5|nc)",
    re.IGNORECASE | re.DOTALL,
)
_YEAR, _MONTH, _DAY = r"(?:19|20)\d{2}", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_PARTITION = re.compile(
    r"[^=]+=[^=]*"
    rf"|(?:{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])\.{_YEAR}"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))[\dTZ\s:.-]*"
    rf"|{_YEAR}-?(?:0[1-9]|1[0-2])",
    re.DOTALL,
)
_DATED = re.compile(rf"{_YEAR}/{_MONTH}(?:/{_DAY}(?:/(?:[01]?\d|2[0-3]))?)?")
_DEEPEST = 4
_TOKENS = re.compile(r"\{(?:" + "|".join(token[1:-1] for token in sorted(TOKENS)) + r")\}")
_VARYING = re.compile(
    r"(?P<guid>[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})"
    rf"|(?<!\d)(?P<year>{_YEAR})(?P<sep>[-/_.]?)(?:0[1-9]|1[0-2])(?:(?P=sep)(?P<day>0[1-9]|[12]\d|3[01]))?(?!\d)"
    r"|(?P<number>\d+)"
)


class Spelling(NamedTuple):
    """One way to write what is below a container: which kind of asset it would be, and by which rule."""

    kind: str
    rule: str
    text: str
    guessed: bool = False


def trimmed(name: str) -> str:
    """A name without the partitions at its end."""
    parts = name.strip("/").split("/")
    kept = _kept(parts, len(parts))
    return name if kept == len(parts) else ("/" if name.startswith("/") else "") + "/".join(parts[:kept])


def is_pattern(text: str) -> bool:
    """True for a name that holds tokens of a resource set."""
    return "{" in text and _TOKENS.search(text) is not None


def escaped(text: str) -> str:
    """Braces of real folders, encoded: bare ones mark the tokens of resource sets.

    https://learn.microsoft.com/en-us/purview/concept-asset-normalization
    """
    return text.replace("{", "%7B").replace("}", "%7D") if "{" in text or "}" in text else text


def table_depth(parts: Sequence[str]) -> int:
    """How many leading segments are the dataset's folder: all of them when nothing is to be cut."""
    end = next((at for at, part in enumerate(parts) if part in _INTERNAL), len(parts))
    if end and _TABLE_FILE.fullmatch(parts[end - 1]):
        end -= 1
    if end == len(parts) and end > 1 and _FILE.fullmatch(parts[-1]):
        folder = _kept(parts, end - 1)
        return folder if folder < end - 1 else end
    return _kept(parts, end)


def spellings(parts: Sequence[str]) -> Iterator[Spelling]:
    """The spellings of some segments below a container: resource sets before folders before files.

    A cut may leave nothing: then the container itself is the dataset, and only the path as given comes.
    """
    depth = table_depth(parts)
    path = "/".join(map(escaped, parts))
    if depth < len(parts):
        if depth:
            yield from _table(parts, depth)
        yield from _as_file(path, "path as given", guessed=True)
    elif _FILE.fullmatch(parts[-1]):
        yield from _file(path, "/".join(map(escaped, parts[:-1])))
    else:
        yield from _folder(path)


def _kept(parts: Sequence[str], end: int) -> int:
    while end > 1 and (cut := _partition(parts, end)):
        end -= cut
    return end


def _partition(parts: Sequence[str], end: int) -> int:
    """How many segments before `end` are one partition; never all of them."""
    last = parts[end - 1]
    if ("=" in last or last[:1].isdigit()) and _PARTITION.fullmatch(last):
        return 1
    if last.isdecimal():
        for count in range(min(_DEEPEST, end - 1), 1, -1):
            if _DATED.fullmatch("/".join(parts[end - count : end])):
                return count
    return 0


def _folder(path: str) -> Iterator[Spelling]:
    yield Spelling(PATTERN, "resource set of Spark's files", f"{path}/{{SparkPartitions}}", guessed=True)
    yield Spelling(PATTERN, "resource set of numbered files", f"{path}/{{N}}", guessed=True)
    yield Spelling(FOLDER, "folder", path)
    yield Spelling(FOLDER, "folder with slash", f"{path}/", guessed=True)


def _table(parts: Sequence[str], depth: int) -> Iterator[Spelling]:
    folder = "/".join(map(escaped, parts[:depth]))
    for pattern in _partitioned(parts[depth:]):
        yield Spelling(PATTERN, "resource set of partitions", f"{folder}/{pattern}", guessed=True)
    for one in _folder(folder):
        yield one._replace(rule=f"{one.rule}, partition or file cut")


def _partitioned(below: Sequence[str]) -> Iterator[str]:
    """The pattern of a partition's files: what varies as tokens, the file as Spark's."""
    inner = next((at for at, part in enumerate(below) if part in _INTERNAL), len(below))
    partitions = [part for part in below[:inner] if not (_TABLE_FILE.fullmatch(part) or _FILE.fullmatch(part))]
    if partitions:
        yield f"{_VARYING.sub(_token, escaped('/'.join(partitions)))}/{{SparkPartitions}}"


def _file(path: str, folder: str) -> Iterator[Spelling]:
    start = len(folder) + 1 if folder else 0
    pattern = path[:start] + _VARYING.sub(_token, path[start:])
    if pattern != path:
        yield Spelling(PATTERN, "resource set of like files", _lower_extension(pattern), guessed=True)
    yield Spelling(PATTERN, "resource set of Spark's files", f"{path}/{{SparkPartitions}}", guessed=True)
    if folder:
        yield Spelling(FOLDER, "folder of the file", folder, guessed=True)
        yield Spelling(FOLDER, "folder of the file with slash", f"{folder}/", guessed=True)
    yield from _as_file(path, "file")


def _as_file(path: str, rule: str, *, guessed: bool = False) -> Iterator[Spelling]:
    """The path as one file; Purview folds a file's extension."""
    yield Spelling(FILE, rule, _lower_extension(path), guessed)
    yield Spelling(FILE, f"{rule}, extension as written", path, guessed=True)


def _lower_extension(path: str) -> str:
    if not _FILE.fullmatch(path):
        return path
    stem, _, extension = path.rpartition(".")
    return f"{stem}.{extension.lower()}"


def _token(found: re.Match[str]) -> str:
    if found["guid"]:
        return "{GUID}"
    if found["year"]:
        separator = found["sep"]
        return "{Year}" + separator + "{Month}" + (f"{separator}{{Day}}" if found["day"] else "")
    return "{N}"
