"""Which assets datasets are: their candidates looked up in the catalog, and on request in an index of its assets.

The first candidate of each dataset is looked up before all others: most datasets are what they are most likely to be.
The earliest candidate that is there is the match.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa

from miner.ports import AMBIGUOUS, MADE, MATCHED, MISSING, AssetIndex, Match
from sinks.purview import foreign, spelling
from sinks.purview.assets import Asset
from sinks.purview.catalog import Catalog, Key, PresentAsset
from sinks.purview.flows import texts
from sinks.purview.hierarchy import MAKER
from sinks.purview.index import all_assets, found_in
from sinks.purview.names import Dataset, candidates
from sinks.purview.naming import Candidate, Naming
from sinks.purview.options import SEARCH, SKIP_FOREIGN, PurviewOptions

NO_ASSET = "Purview has no asset of any of its names"
SEVERAL = "several assets of Purview may be meant"
_INDEXED = "index of Purview's assets"

_DATASET = ("metastore_id", "kind", "catalog", "schema", "name", "path", "type", "spelling")

Unfound = Mapping[int, Sequence[Candidate]]
"""Candidates by dataset."""


class Found(NamedTuple):
    """A candidate that is there, and what the catalog says of it."""

    candidate: Candidate
    asset: PresentAsset

    def match(self, dataset: int, sources: Sequence[str] | None) -> Match:
        """What the ledger keeps; `sources` are those that others lead into it, None when nobody asked."""
        one, columns = self.candidate, spelling.kept(self.asset.columns)
        ours = one.type_name.startswith("databricks_") and MAKER in self.asset.labels.items()
        reason = MADE if ours else one.rule
        return Match(dataset, MATCHED, one.type_name, one.qualified_name, reason, columns, foreign.kept(sources))


def matches(
    datasets: Iterable[pa.RecordBatch], index: AssetIndex, catalog: Catalog, options: PurviewOptions
) -> Iterator[Sequence[Match]]:
    """A match for each of the datasets (`miner.schemas.DATASETS`), a batch at a time. Raises SinkError."""
    with ThreadPoolExecutor(options.workers, thread_name_prefix="purview") as pool:
        for batch in datasets:
            yield _matched(batch, index, catalog, options, pool)


def looked_up(
    candidates: Unfound, catalog: Catalog, pool: ThreadPoolExecutor | None = None, *, makers: bool = False
) -> dict[int, Found]:
    """The earliest candidate that is there, for each dataset that has one, and what the catalog says of it."""
    keys = {_key(one) for some in candidates.values() for one in some}
    there = catalog.assets(keys, pool, columns=True, makers=makers)
    found = ((dataset, next((one for one in some if _key(one) in there), None)) for dataset, some in candidates.items())
    return {dataset: Found(one, there[_key(one)]) for dataset, one in found if one}


def match_of(naming: Naming, index: AssetIndex | None, catalog: Catalog) -> Candidate | str:
    """The candidate, or the asset of an index, that a dataset is; or why it is none. Raises SinkError."""
    found = looked_up({0: naming.candidates}, catalog)
    if found:
        return found[0].candidate
    assets = found_in(index, {0: naming.candidates}).get(0, []) if index else []
    if len(assets) > 1:
        return f"{SEVERAL}: {', '.join(asset.qualified_name for asset in assets)}"
    return Candidate(assets[0].type_name, assets[0].qualified_name, _INDEXED) if assets else NO_ASSET


def _matched(
    batch: pa.RecordBatch, index: AssetIndex, catalog: Catalog, options: PurviewOptions, pool: ThreadPoolExecutor
) -> list[Match]:
    namings = _named(batch, options)
    firsts = {dataset: naming.candidates[:1] for dataset, naming in namings.items() if naming.candidates}
    makers = options.foreign_lineage == SKIP_FOREIGN
    found = looked_up(firsts, catalog, pool, makers=makers)
    others = {dataset: namings[dataset].candidates[1:] for dataset in firsts.keys() - found.keys()}
    found |= looked_up(others, catalog, pool, makers=makers)
    made_by = {one.asset.guid: one.asset.makers for one in found.values()} if makers else {}
    brought = foreign.sources(made_by, catalog.of_guids)
    told = [one.match(dataset, brought.get(one.asset.guid)) for dataset, one in found.items()]
    missing = {dataset: naming for dataset, naming in namings.items() if dataset not in found}
    return told + _otherwise(missing, index, catalog, options)


def _otherwise(
    missing: Mapping[int, Naming], index: AssetIndex, catalog: Catalog, options: PurviewOptions
) -> list[Match]:
    """What the index has for datasets without an asset of exactly one of their names."""
    if options.index != SEARCH or not any(naming.candidates for naming in missing.values()):
        return [_missing(dataset, naming) for dataset, naming in missing.items()]
    if index.due:
        index.renew(all_assets(catalog, options.dataset_types))
    found = found_in(index, {dataset: naming.candidates for dataset, naming in missing.items()})
    return [_indexed(dataset, naming, found.get(dataset, ())) for dataset, naming in missing.items()]


def _indexed(dataset: int, naming: Naming, assets: Sequence[Asset]) -> Match:
    if not assets:
        return _missing(dataset, naming)
    if len(assets) > 1:
        return Match(dataset, AMBIGUOUS, reason=SEVERAL)
    return Match(dataset, MATCHED, assets[0].type_name, assets[0].qualified_name, _INDEXED)


def _missing(dataset: int, naming: Naming) -> Match:
    return Match(dataset, MISSING, reason=NO_ASSET if naming.candidates else naming.reason)


def _named(batch: pa.RecordBatch, options: PurviewOptions) -> dict[int, Naming]:
    rows = texts(batch, _DATASET, range(batch.num_rows))
    numbers = batch.column("dataset").to_pylist()
    return {number: candidates(Dataset(*row), options.naming) for number, row in zip(numbers, rows, strict=True)}


def _key(candidate: Candidate) -> Key:
    return candidate.type_name, candidate.qualified_name
