"""Column sets as text: sorted pairs, each column with its length in characters before it (`2:id7:user_id`)."""

from collections.abc import Iterable

Pair = tuple[str, str]


def pairs_of(content: str) -> list[Pair]:
    """The (source column, target column) pairs of a set's content, in its order."""
    names, at = [], 0
    while at < len(content):
        colon = content.index(":", at)
        end = colon + 1 + int(content[at:colon])
        names.append(content[colon + 1 : end])
        at = end
    return list(zip(names[::2], names[1::2], strict=True))


def texts_of(content: str) -> set[str]:
    """The pairs of a set's content, each as its text."""
    return {f"{len(source)}:{source}{len(target)}:{target}" for source, target in pairs_of(content)}


def union(contents: Iterable[str]) -> list[Pair]:
    """The pairs of several sets, oldest first, as one sorted list.

    Columns compare folded; a pair keeps the spelling of the last set that has it.
    """
    told = list(contents)
    if len(told) == 1 and told[0] == told[0].lower():
        return sorted(pairs_of(told[0]))  # the usual case: nothing to fold
    pairs = (pair for content in told for pair in pairs_of(content))
    latest = {(source.lower(), target.lower()): (source, target) for source, target in pairs}
    return sorted(latest.values())
