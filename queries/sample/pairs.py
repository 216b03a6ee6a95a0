"""Which columns of a source feed which columns of a target, fixed for every row of every recipe."""

from collections.abc import Sequence

import numpy as np

from queries.sample import words
from queries.sample.datasets import Dataset
from queries.sample.labels import Bools, Ints, Labels, repeated, some, starts


def column_labels() -> Labels:
    """Names of the columns of all subjects, one subject after the other."""
    return Labels.of([column for subject in words.SUBJECTS for column in subject.columns])


def first_columns() -> Ints:
    """The number of each subject's first column."""
    return starts(np.array([len(subject.columns) for subject in words.SUBJECTS], np.int64))


def column_pairs(
    source: Ints, target: Ints, wanted: Bools, datasets: Sequence[Dataset], rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Ints]:
    """First pair and number of pairs by row, then source and target column by pair, as numbers of column_labels().

    A read has pairs without a target column. Rows with a path have none.
    """
    width = np.array([*(d.width if d.full_name else 0 for d in datasets), 0], np.int64)
    subject = np.array([*(d.subject for d in datasets), -1], np.int64)
    count = _counts(width[source], np.where(target < 0, -1, width[target]), wanted, rng)
    widths, subjects = (width[source], width[target]), (subject[source], subject[target])
    return starts(count), count, *_pairs(count, widths, subjects, target >= 0, rng)


def _counts(source: Ints, target: Ints, wanted: Bools, rng: np.random.Generator) -> Ints:
    """Pairs by row, from the widths of its ends (-1: no target). One edge in twenty has none: a UDF hides them."""
    drawn = 1 + rng.binomial(np.where(target < 0, 6, 9), 0.35)
    limit = np.where(target < 0, source, np.minimum(source, target))
    hidden = some(0.05, len(source), rng) & (target >= 0)
    return np.where(wanted & ~hidden, np.minimum(drawn, limit), 0).astype(np.int64)


def _pairs(
    count: Ints, widths: tuple[Ints, Ints], subjects: tuple[Ints, Ints], has_target: Bools, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """The columns of every pair. Tables of one subject map like to like; one pair in fifty has no source column."""
    row, place = repeated(count)
    shift = rng.integers(0, 64, (2, len(count)))
    first = first_columns()
    alike = subjects[0] == subjects[1]
    narrow = np.where(alike & has_target, np.minimum(widths[0], widths[1]), widths[0])
    source = (shift[0][row] + place) % narrow[row]
    other = (shift[1][row] + place) % np.maximum(widths[1], 1)[row]
    target = np.where(alike[row], source, other)
    unknown = some(0.02, len(row), rng) & has_target[row]
    return (
        np.where(unknown, -1, first[subjects[0][row]] + source),
        np.where(has_target[row], first[subjects[1][row]] + target, -1),
    )
