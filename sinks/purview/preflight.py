"""What Purview lets the miner do, and how many of the tables read most it knows. Nothing is changed by asking."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pyarrow as pa

from miner.checks import Check, Found, failed, passed, skipped
from miner.ports import Unmatched
from sinks.purview.assets import Asset
from sinks.purview.catalog import Catalog
from sinks.purview.names import TABLE, Dataset, asset
from sinks.purview.nearest import nearest
from sinks.purview.options import PurviewOptions
from sinks.purview.refusals import RefusedError
from sinks.purview.transport import AtlasSession

SIGN_IN, ROLE, TYPES, ASSETS = "purview.sign_in", "purview.role", "purview.types", "purview.assets"

_SCAN_MEND = (
    "let Purview's own Unity Catalog scan take these catalogs in: the miner references scanned assets, and makes none"
)
_MOST_MISSES = 20
"""Names not found that are told, each with the nearest one: a search costs as much as a write."""

_NO_TYPE = "uc_miner_preflight_has_no_such_type"
_REFUSED = {"typeName": _NO_TYPE, "guid": "-1", "attributes": {"qualifiedName": f"uc-miner://{_NO_TYPE}", "name": "-"}}
"""An entity of a type that no catalog has: whoever may write is refused for the type, whoever may not for the role."""


@dataclass(frozen=True, slots=True)
class PurviewChecks:
    """The checks of one account. `most_read` gives `miner.schemas.MOST_READ`, `needs` the checks it depends on."""

    session: AtlasSession
    options: PurviewOptions
    most_read: Callable[[], pa.Table]
    needs: tuple[str, ...] = ()

    def all(self) -> Iterator[Check]:
        """Sign-in, role, types, assets."""
        yield Check(SIGN_IN, self._sign_in)
        yield Check(ROLE, self._role, (SIGN_IN,))
        yield Check(TYPES, self._types, (ROLE,))
        yield Check(ASSETS, self._assets, (TYPES, *self.needs))

    def _sign_in(self) -> Found:
        try:
            self.session.entity_types()
        except RefusedError as refusal:
            if refusal.status != HTTPStatus.FORBIDDEN:
                raise
        return passed(f"{self.session.endpoint_url} knows the identity")

    def _role(self) -> Found:
        self.session.entity_types()
        try:
            self.session.upload_entities({"entities": [_REFUSED]})
        except RefusedError as refusal:
            if not refusal.about_the_body:
                raise
            return passed("types may be read, and a write is refused for its content alone, not for the role")
        return skipped("types may be read; whether entities may be written only a run can tell")

    def _types(self) -> Found:
        there = self.session.entity_types()
        scanned = [name for name in self.options.dataset_types if name in there]
        if not scanned:
            return failed("the catalog has none of the types of scanned datasets", _SCAN_MEND)
        wanting = Catalog(self.session).wanting(self.options)
        made = f"the next run makes or widens {', '.join(wanting)}" if wanting else "the miner's own are complete"
        return passed(f"{len(scanned)} types of scanned datasets are there; {made}")

    def _assets(self) -> Found:
        datasets = [_dataset(row) for row in self.most_read().to_pylist()]
        if not datasets:
            return skipped("no table was read lately: there is nothing to look up")
        wanted = {dataset: asset(dataset, self.options.naming) for dataset in datasets}
        keys = {dataset: found for dataset, found in wanted.items() if isinstance(found, Asset)}
        there = Catalog(self.session).assets([(one.type_name, one.qualified_name) for one in keys.values()])
        matched = {dataset for dataset, one in keys.items() if (one.type_name, one.qualified_name) in there}
        finding = f"{_share(len(matched), len(datasets))} of the tables read most: {_by_catalog(datasets, matched)}"
        misses = [dataset for dataset in datasets if dataset not in matched]
        if not misses:
            return passed(finding)
        told = "\n".join([finding, *(self._miss(dataset, wanted[dataset]) for dataset in misses[:_MOST_MISSES])])
        if len(misses) > _MOST_MISSES:
            told += f"\nand {len(misses) - _MOST_MISSES:,} more"
        return passed(told, _SCAN_MEND) if matched else failed(told, _SCAN_MEND)

    def _miss(self, dataset: Dataset, found: Asset | Unmatched) -> str:
        if isinstance(found, Unmatched):
            return f"{dataset.label}: {found.reason}"
        like = nearest(self.session, found) if self.session.searches else ""
        return f"{dataset.label}: no {found.type_name} {found.qualified_name}{f', nearest is {like}' if like else ''}"


def _dataset(row: dict[str, str]) -> Dataset:
    catalog, schema, name = row["catalog"], row["schema"], row["name"]
    return Dataset(
        row["metastore_id"], TABLE, catalog, schema, name, "", row["type"] or "", f"{catalog}.{schema}.{name}"
    )


def _by_catalog(datasets: list[Dataset], matched: set[Dataset]) -> str:
    tables = Counter(dataset.catalog for dataset in datasets)
    found = Counter(dataset.catalog for dataset in matched)
    return ", ".join(f"{catalog} {_share(found[catalog], count)}" for catalog, count in tables.most_common())


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.1%})"
