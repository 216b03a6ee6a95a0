"""How rows write the datasets at their ends: plainly, in another case, in backticks, or with the path as well."""

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np

from queries.sample.datasets import Dataset
from queries.sample.labels import Ints, Labels
from queries.sample.lineage import EndLabels

_Texts: TypeAlias = "list[str | None]"

_LOCATED, _CASED, _QUOTED = 0.30, 0.008, 0.004
"""Shares of ends written with their table's storage path, in mixed case, and with backticks round the parts."""


@dataclass(frozen=True, slots=True)
class EndBook:
    """The texts of all ends, four spellings one after the other: plain, mixed case, backticks, with the path.

    `dated` are the numbers of ends whose texts hold fields to be filled in for each day.
    """

    datasets: int
    full_name: _Texts
    catalog: _Texts
    schema: _Texts
    name: _Texts
    path: _Texts
    type: _Texts
    dated: tuple[int, ...]

    @classmethod
    def of(cls, datasets: tuple[Dataset, ...]) -> "EndBook":
        plain: list[_Texts] = [[d.full_name, *d.parts] for d in datasets]
        named = [*plain, *map(_cased, plain), *map(_quoted, plain), *plain]
        full_name, catalog, schema, name = (list(texts) for texts in zip(*named, strict=True))
        bare: _Texts = [None if d.full_name else d.path for d in datasets]
        path: _Texts = [*bare * 3, *(d.path for d in datasets)]
        kind: _Texts = [*(d.type for d in datasets)] * 4
        dated = [n for n, d in enumerate(datasets) if "{" in f"{d.full_name} {d.path}"]
        spread = tuple(n + spelling * len(datasets) for spelling in range(4) for n in dated)
        return cls(len(datasets), full_name, catalog, schema, name, path, kind, spread)

    def on(self, day: date) -> EndLabels:
        """The labels of one day, its date filled into per-run names and dated folders."""
        fields = day_fields(day)
        full_name, name, path = (self._filled(texts, fields) for texts in (self.full_name, self.name, self.path))
        return EndLabels(full_name, Labels.of(self.catalog), Labels.of(self.schema), name, path, Labels.of(self.type))

    def _filled(self, texts: _Texts, fields: dict[str, str]) -> Labels:
        filled = list(texts)
        for number in self.dated:
            text = filled[number]
            filled[number] = text and text.format(**fields)
        return Labels.of(filled)

    def spelled(self, ends: Ints, rng: np.random.Generator) -> Ints:
        """The same ends, a few of them in another spelling."""
        chance = rng.random(len(ends))
        edges = np.cumsum([_CASED, _QUOTED, _LOCATED])
        spelling = (np.searchsorted(edges, chance, side="right") + 1) % 4
        return np.where(ends < 0, ends, ends + spelling * self.datasets)


def day_fields(day: date) -> dict[str, str]:
    """What the fields of dated names and paths stand for on one day; the stamp is that of the morning's dbt run."""
    stamp = f"{day:%Y%m%d}0830{day.toordinal() % 60:02d}"
    return {
        "slashed": f"{day:%Y/%m/%d}",
        "compact": f"{day:%Y%m%d}",
        "dashed": f"{day:%Y-%m-%d}",
        "stamp": stamp,
        "guid": f"{day.toordinal():08x}-5a3c-4d2e-9b10-{int(stamp):012x}"[:36],
    }


def _cased(parts: _Texts) -> _Texts:
    """Title case; names that are filled in for each day stay as they are, or their fields would be lost."""
    if any(part and "{" in part for part in parts):
        return parts
    return [part and part.title() for part in parts]


def _quoted(parts: _Texts) -> _Texts:
    full_name, *names = parts
    return [full_name, *(part and f"`{part}`" for part in names)]
