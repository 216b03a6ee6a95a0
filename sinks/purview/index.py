"""All assets of a Purview account, read by paging, and found by keys that its look-up by exact name does not know.

An asset's key is its qualified name folded, without a slash at its end, cut before the first segment that holds a token
of a resource set: what is below a folder is found by the folder. A dataset is the one asset under a key of its names;
where there is none, a place in a storage is the nearest folder above it that is an asset, but for its container.
"""

from collections.abc import Iterator, Mapping, Sequence

from miner.errors import SinkError
from miner.ports import AssetIndex, IndexedAsset
from sinks.purview.assets import Asset
from sinks.purview.catalog import Catalog
from sinks.purview.naming import Candidate

_STORAGE = ("azure_datalake_gen", "azure_blob_", "aws_s3_v2_")
"""How types of what lies in a storage begin."""

_CONTAINER = {"https": 4, "adl": 3, "s3": 3}
"""Segments of a container's name, by scheme: `https://account/container` has four, the second one empty."""

_AT_ONCE = 2_000
"""Datasets looked for in one go."""


def all_assets(catalog: Catalog, type_names: Sequence[str]) -> Iterator[list[IndexedAsset]]:
    """All assets of some types with their keys, a page at a time. Raises SinkError."""
    if not catalog.searches:
        raise SinkError(
            "a plain Apache Atlas has no search to read assets from",
            mend='leave purview.index out, or set it to "none"',
        )
    for page in catalog.pages(type_names):
        yield [IndexedAsset(key_of(name), type_name, name) for type_name, name in page]


def found_in(index: AssetIndex, candidates: Mapping[int, Sequence[Candidate]]) -> dict[int, list[Asset]]:
    """The assets that each dataset may be: one, or several that are equally likely; those without any are left out."""
    found: dict[int, list[Asset]] = {}
    datasets = list(candidates)
    for start in range(0, len(datasets), _AT_ONCE):
        keys = {dataset: _keys(candidates[dataset]) for dataset in datasets[start : start + _AT_ONCE]}
        held = index.find({key for some in keys.values() for key in some})
        for dataset, some in keys.items():
            if assets := _first(some, held, {one.type_name for one in candidates[dataset]}):
                found[dataset] = assets
    return found


def key_of(qualified_name: str) -> str:
    """The key of a qualified name."""
    segments = qualified_name.lower().split("/")
    varying = next((at for at, segment in enumerate(segments) if "{" in segment), len(segments))
    return "/".join(segments[:varying]).rstrip("/")


def _keys(candidates: Sequence[Candidate]) -> list[str]:
    """The keys of a dataset's names, then those of the folders above, the nearest first."""
    own = [key_of(one.qualified_name) for one in candidates]
    above = [_above(key_of(one.qualified_name)) for one in candidates if one.type_name.startswith(_STORAGE)]
    deepest = max(map(len, above), default=0)
    nearest = [some[-depth] for depth in range(1, deepest + 1) for some in above if len(some) >= depth]
    return list(dict.fromkeys([*own, *nearest]))


def _above(key: str) -> list[str]:
    segments = key.split("/")
    container = _CONTAINER.get(segments[0].rstrip(":"), len(segments))
    return ["/".join(segments[:end]) for end in range(container + 1, len(segments))]


def _first(keys: Sequence[str], held: Mapping[str, Sequence[IndexedAsset]], type_names: set[str]) -> list[Asset]:
    """The assets under the first key that has some: those of the types looked for, where there are such."""
    some = next((held[key] for key in keys if key in held), ())
    fitting = [one for one in some if one.type_name in type_names] or some
    return [Asset(one.type_name, one.qualified_name) for one in fitting]
