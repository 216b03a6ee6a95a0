"""What a dataset is called in Purview, for a person or a program that asks: one question, or one a line.

A question is a name, a path, or an OpenLineage namespace and name; what else it says (mount points, the metastore)
stands for what the settings do not know.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import orjson

from miner.errors import SettingsError, SinkError
from sinks.purview.naming import Candidate, Context, Naming, mounts, of_name_text, of_openlineage, of_path_text, of_text

UNKNOWN_METASTORE = "<METASTORE_ID>"
UNKNOWN_HOST = "<WORKSPACE_ID>.azuredatabricks.net"

_NOT_LOOKED_UP = "not looked up: no catalog was asked"
_TEXTS = ("name", "path", "namespace", "metastore", "hive_metastore_host", "type", "table")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Question:
    """One dataset to name: `given` is the question as it was put, `text` a name or a path, whichever it looks like."""

    given: object
    text: str = ""
    name: str = ""
    path: str = ""
    namespace: str | None = None
    metastore: str = ""
    hive_metastore_host: str = ""
    type: str = ""
    table: str = ""
    mounts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to a question; `match` is the asset that a catalog holds, None when it has none or was not asked."""

    given: object
    naming: Naming
    reason: str
    match: Candidate | None = None


Find = Callable[[Naming], Candidate | str]
"""Looks candidates up in a catalog; gives the asset, or why there is none."""


def explained(question: Question, context: Context, find: Find | None = None) -> Explanation:
    """The candidates of a dataset, and what is to be said of them. What nobody knows stands as a placeholder."""
    naming = _naming(question, context)
    if not naming.candidates:
        tried = f"; tried: {', '.join(naming.tried)}" if naming.tried else ""
        return Explanation(question.given, naming, f"{naming.reason}{tried}")
    notes = [naming.reason] if naming.reason else []
    notes += ["the catalog is shared by another metastore"] if naming.shared else []
    names = " ".join(one.qualified_name for one in naming.candidates)
    notes += [f"{UNKNOWN_METASTORE} stands for the metastore's id"] if UNKNOWN_METASTORE in names else []
    notes += [f"{UNKNOWN_HOST} stands for the metastore's host"] if UNKNOWN_HOST in names else []
    match, told = _found(naming, find)
    return Explanation(question.given, naming, "; ".join([told, *notes]), match)


def _found(naming: Naming, find: Find | None) -> tuple[Candidate | None, str]:
    """The asset, and where it was looked for. A catalog that cannot be asked hinders no explanation."""
    if find is None:
        return None, _NOT_LOOKED_UP
    try:
        found = find(naming)
    except SinkError as error:
        return None, f"not looked up: {error.message}"
    return (None, found) if isinstance(found, str) else (found, f"found in Purview by: {found.rule}")


def asked(line: bytes) -> Question:
    """The question of one line of JSON. Raises SettingsError with what is wrong."""
    given = _object(line)
    texts = {key: _text(given, key) for key in _TEXTS if given.get(key) is not None}
    if "namespace" in texts:
        if "name" not in texts:
            raise SettingsError("has a namespace without a name")
    elif ("name" in texts) == ("path" in texts):
        raise SettingsError("has neither name nor path" if "name" not in texts else "has both name and path")
    return Question(given, mounts=_mounts(given.get("mounts")), **texts)


def asked_here(text: str, namespace: str | None, name: str, metastore: str, mounted: str | None) -> Question:
    """The question of a command's arguments. Raises SettingsError with what is wrong."""
    text, name, space = _printable(text), _printable(name), None if namespace is None else _printable(namespace)
    given: object = text if space is None else {"namespace": space, "name": name}
    return Question(given, text, name=name, namespace=space, metastore=metastore, mounts=_mounts(mounted))


def lines(given: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers from 1."""
    for number, line in enumerate(given, start=1):
        if text := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield number, text


def refused(line: bytes, message: str) -> Explanation:
    """The answer to a line that is no question: there is one answer for each line."""
    return Explanation(line.decode("utf-8", "replace"), Naming(), message)


def told(explanation: Explanation) -> dict[str, object]:
    """The answer as JSON values."""
    found = [_told(one) for one in explanation.naming.candidates]
    return {
        "input": explanation.given,
        "candidates": found,
        "match": _told(explanation.match) if explanation.match else None,
        "reason": explanation.reason,
    }


def _told(candidate: Candidate) -> dict[str, str]:
    return {"typeName": candidate.type_name, "qualifiedName": candidate.qualified_name, "rule": candidate.rule}


def _naming(question: Question, context: Context) -> Naming:
    context = replace(
        context,
        hive_metastore_host=question.hive_metastore_host or context.hive_metastore_host or UNKNOWN_HOST,
        mounts=context.mounts if question.mounts is None else question.mounts,
    )
    metastore = question.metastore or UNKNOWN_METASTORE
    if question.table and question.path:
        context = context.knowing({**context.tables, question.path: question.table})
    if question.namespace is not None:
        return of_openlineage(question.namespace, question.name, metastore, context)
    if question.path:
        return of_path_text(question.path, metastore, context)
    if question.name:
        return of_name_text(question.name, metastore, context, question.type)
    return of_text(question.text, metastore, context, question.type)


def _printable(text: str) -> str:
    """An argument whose bytes are no text, as text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _object(line: bytes) -> dict[str, object]:
    try:
        given = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise SettingsError(f"is not JSON: {error.msg}") from None
    if not isinstance(given, dict):
        raise SettingsError("is no JSON object")
    return given


def _text(given: Mapping[str, object], key: str) -> str:
    value = given[key]
    if not isinstance(value, str):
        raise SettingsError(f"{key} is no text")
    return value


def _mounts(given: object) -> Mapping[str, str] | None:
    if given is None:
        return None
    try:
        return mounts.read(given)
    except ValueError as wrong:
        raise SettingsError(
            f"mounts {wrong}", mend="give the scan's mount string, or dbutils.fs.mounts() as JSON"
        ) from None
