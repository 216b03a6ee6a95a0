"""Usage figures as business metadata on the assets of Purview's own scan, and on the columns of these.

An upsert changes business attributes of an existing asset only with `businessAttributeUpdateBehavior=merge`
(https://learn.microsoft.com/en-us/rest/api/purview/datamapdataplane/entity/bulk-create-or-update). The asset's name is
carried because Atlas demands mandatory attributes on every upsert. A figure that is not known is left out: null would
be stored as 0 (seen on Atlas 2.1.0), so that one known earlier has to be deleted. Dates are epoch milliseconds, UTC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import orjson
import pandas as pd

from miner.ports import Entity, Known, Unmatched, nothing_known
from sinks.purview import payload, spelling
from sinks.purview.assets import Asset
from sinks.purview.names import TABLE, Dataset, asset, matched
from sinks.purview.options import DEFAULT, PurviewOptions
from sinks.purview.typedefs import COLUMN_DATES, COLUMN_FIGURES, DATE_FIGURES, WINDOW_FIGURES, figure

Figures = dict[str, int | float | None]

_DATASET = ("metastore_id", "kind", "dataset", "dataset_type")
SHARED = "its asset shows the figures of another dataset"
SHARED_COLUMN = "its asset shows the figures of another column"
NO_COLUMNS = "columns of assets of its type are not told apart"

_REFRESHED = 28 * 86_400_000
"""Milliseconds after which figures are sent again though they moved little: no month is shorter."""

_DIGITS = 4
"""Decimals of scores and trends: more than a reader needs would make an asset look changed every day."""


class _Row(NamedTuple):
    key: tuple[str, str, str]
    dataset_id: int
    dataset_type: str
    column: str
    window: int
    figures: Figures


class _Told(NamedTuple):
    """The figures that some assets have: of each window, and of the latest."""

    windows: Sequence[str]
    dates: Sequence[str]


_OF_DATASETS = _Told(tuple(WINDOW_FIGURES), DATE_FIGURES)
_OF_COLUMNS = _Told(COLUMN_FIGURES, COLUMN_DATES)


def usage_entities(
    popularity: pd.DataFrame,
    unmatched: Callable[[Unmatched], None],
    options: PurviewOptions = DEFAULT,
    known: Known = nothing_known,
) -> Iterator[Entity]:
    """One entity per dataset with its figures for the windows of the options; other windows are passed over.

    `popularity` has one row per dataset and window. Entities come ordered by metastore, tables before paths, and name.
    A dataset without an asset is reported once, and so is one whose asset an earlier one is: distinct readers do not
    add up.
    """
    chosen = popularity[popularity["window_days"].isin(options.windows)]
    ordered = chosen.sort_values([*_DATASET, "window_days"], ascending=[True, False, True, True, True], kind="stable")
    told: set[Asset] = set()
    matches = known(set(ordered.get("dataset_id", ())))
    for _, rows in groupby(_rows(ordered, _OF_DATASETS), key=lambda row: row.key):
        windows = list(rows)
        dataset, match = _dataset(windows[-1]), matches.get(windows[-1].dataset_id)
        found = matched(dataset, match) if match else asset(dataset, options.naming)
        if isinstance(found, Unmatched):
            unmatched(found)
        elif found in told:
            unmatched(Unmatched(dataset.label, SHARED))
        else:
            told.add(found)
            yield _entity(payload.USAGE, found, windows, _OF_DATASETS, options.usage_group)


def column_entities(
    popularity: pd.DataFrame,
    unmatched: Callable[[Unmatched], None],
    options: PurviewOptions = DEFAULT,
    known: Known = nothing_known,
) -> Iterator[Entity]:
    """One entity per column of a dataset with an asset whose columns have names of their own (`COLUMN_TYPES`).

    `popularity` has one row per column and window. Columns are spelled as the asset spells them, where that is known.
    A dataset without such an asset is reported once for all its columns.
    """
    chosen = popularity[popularity["window_days"].isin(options.windows)]
    by = [*_DATASET, "column", "window_days"]
    ordered = chosen.sort_values(by, ascending=[True, False, True, True, True, True], kind="stable")
    told: set[Asset] = set()
    matches = known(set(ordered.get("dataset_id", ())))
    for _, rows in groupby(_rows(ordered, _OF_COLUMNS), key=lambda row: row.key):
        of_dataset = list(rows)
        dataset, match = _dataset(of_dataset[-1]), matches.get(of_dataset[-1].dataset_id)
        found = matched(dataset, match) if match else asset(dataset, options.naming)
        if isinstance(found, Unmatched):
            unmatched(found)
            continue
        spelled = spelling.spellings(match.columns) if match else None
        for column, windows in groupby(of_dataset, key=lambda row: row.column):
            one = found.column(spelling.spelled(column, spelled))
            if one is None:
                unmatched(Unmatched(dataset.label, NO_COLUMNS))
                break
            if one in told:
                unmatched(Unmatched(f"{dataset.label}.{column}", SHARED_COLUMN))
                continue
            told.add(one)
            yield _entity(payload.COLUMN_USAGE, one, list(windows), _OF_COLUMNS, options.usage_group)


def named(entity: Entity, name: str) -> Entity:
    """The same usage under the name the asset has in the catalog, so that an asset is never renamed."""
    body = orjson.loads(entity.body)
    if name in {"", body["attributes"]["name"]}:
        return entity
    body["attributes"]["name"] = name
    return entity._replace(body=payload.written(body))


def figures_of(entity: Entity) -> Mapping[str, int | float]:
    """The figures an entity carries, by name."""
    figures: Mapping[str, int | float]
    (figures,) = orjson.loads(entity.body)["businessAttributes"].values()
    return figures


def _dataset(row: _Row) -> Dataset:
    metastore_id, kind, name = row.key
    if kind != TABLE:
        return Dataset(metastore_id, kind, "", "", "", name, row.dataset_type, name)
    catalog, schema, table = [*name.split(".", 2), "", ""][:3]
    return Dataset(metastore_id, kind, catalog, schema, table, "", row.dataset_type, name)


def _entity(kind: str, found: Asset, windows: Sequence[_Row], told_of: _Told, group: str) -> Entity:
    figures: Figures = {figure(name, row.window): row.figures[name] for row in windows for name in told_of.windows}
    figures |= {name: _latest(windows, name) for name in told_of.dates}
    known = {name: value for name, value in figures.items() if value is not None}
    digest = payload.digest(_body(found, group, dict.fromkeys(figures, 0)))
    told = payload.written(known).decode()
    body = _body(found, group, known)
    return Entity(kind, found.qualified_name, found.type_name, body, digest, 1, figures=told)


def as_sent(kind: str, found: Asset, figures: str, digest: str, group: str) -> Entity:
    """The entity of a kind that carried some figures (`Entity.figures`) to an asset."""
    body = _body(found, group, orjson.loads(figures))
    return Entity(kind, found.qualified_name, found.type_name, body, digest, 1, figures=figures)


def moved(before: str, now: str, percent: int) -> bool:
    """Whether figures differ by more than some percent from those that were sent before, or from nothing at all.

    A figure that is 0 or not known has moved when it is something else now. A trend is a share already, and moves by
    parts of 1. Dates alone move nothing, but that figures are told anew once their day is a month old.
    """
    # Figures sent before the ledger kept them are an empty text there.
    sent, told = orjson.loads(before or "{}"), orjson.loads(now)
    if sent.keys() != told.keys() or told.get("as_of", 0) - sent.get("as_of", 0) >= _REFRESHED:
        return True
    return any(_moved(name, sent[name], told[name], percent / 100) for name in told if name not in DATE_FIGURES)


def _moved(name: str, before: float, now: float, share: float) -> bool:
    if name.startswith("trend_"):
        return abs(now - before) > share
    return (before == 0) != (now == 0) or abs(now - before) > share * abs(before)


def _latest(windows: Sequence[_Row], name: str) -> int | float | None:
    return max((row.figures[name] or 0 for row in windows), default=0) or None


def _body(found: Asset, group: str, figures: Mapping[str, int | float]) -> bytes:
    attributes = {"qualifiedName": found.qualified_name, "name": found.name}
    body = {"typeName": found.type_name, "attributes": attributes, "businessAttributes": {group: figures}}
    return payload.written(body)


def _rows(popularity: pd.DataFrame, told_of: _Told) -> Iterator[_Row]:
    texts = [popularity[name].fillna("").astype(str).tolist() for name in _DATASET]
    figures_of = {name: _numbers(popularity[name], WINDOW_FIGURES[name]) for name in told_of.windows}
    figures_of |= {name: _milliseconds(popularity[name]) for name in told_of.dates}
    days = popularity["window_days"].tolist()
    columns = popularity["column"].tolist() if "column" in popularity else [""] * len(days)
    ids = popularity["dataset_id"].tolist() if "dataset_id" in popularity else [0] * len(days)
    for *key, dataset_type, number, column, window, figures in zip(
        *texts, ids, columns, days, zip(*figures_of.values(), strict=True), strict=True
    ):
        yield _Row(tuple(key), number, dataset_type, column, int(window), dict(zip(figures_of, figures, strict=True)))


def _numbers(column: "pd.Series[Any]", kind: str) -> list[int | float | None]:
    numbers = pd.to_numeric(column)
    return _natives(numbers.round(_DIGITS).astype("Float64") if kind == "double" else numbers.astype("Int64"))


def _milliseconds(column: "pd.Series[Any]") -> list[int | float | None]:
    instants = pd.to_datetime(column.astype(object), utc=True)
    return _natives(((instants - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(milliseconds=1)).astype("Int64"))


def _natives(column: "pd.Series[Any]") -> list[int | float | None]:
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna().tolist(), strict=True)]
