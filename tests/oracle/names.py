"""Datasets by name: what is folded, what is cut from names and paths."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple


class Dataset(NamedTuple):
    """A table by its folded parts, or a path."""

    catalog: str | None
    schema: str | None
    name: str | None
    path: str | None

    @property
    def spelled(self) -> str:
        return self.path if self.name is None else f"{self.catalog}.{self.schema}.{self.name}"


def fold(text: str | None) -> str | None:
    """A name as it is compared: no backticks around it, lower case; nothing when nothing is left."""
    return lowered((text or "").strip("`")) or None


def lowered(text: str) -> str:
    """Lower case, letter by letter: a capital sigma becomes the same letter wherever it stands."""
    return "".join(char.lower() for char in text)


@cache
def table_name(name: str) -> str:
    """A folded name without what dbt, and then a pipeline, adds for one run."""
    name = _without_dbt(name)
    head, _, counter = name.removeprefix("__materialization_mat_").rpartition("_")
    if not name.startswith("__materialization_mat_") or not re.fullmatch("[0-9]+", counter):
        return name
    guid = re.match("[_-]?".join(["[0-9a-f]{8}", *["[0-9a-f]{4}"] * 3, "[0-9a-f]{12}"]) + "_", head)
    if guid and head[guid.end() :]:
        return head[guid.end() :]
    pipeline, _, table = head.partition("_")
    return table if pipeline and table else name


def _without_dbt(name: str) -> str:
    for start in range(1, len(name)):
        for mark in ("__dbt_tmp", "__dbt_stg", "__dbt_backup"):
            tail = name[start + len(mark) :]
            if name.startswith(mark, start) and (not tail or tail[0] in "_0123456789"):
                return name[:start]
    return name


_SCHEMES = {"s3a": "s3", "s3n": "s3", "abfs": "abfss", "wasb": "wasbs"}
_STAMP = r"[0-9]{6}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}"
_YEAR, _MONTH, _DAY = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_WHOLE_DATE = f"{_YEAR}-?{_MONTH}(?:-?{_DAY}(?:[T_-]?[0-9]{{2,6}}Z?)?)?"


@cache
def folder(raw: str | None) -> str | None:
    """A path as an identity: one spelling, without segments of runs, days and files; the first segment stays."""
    text = (raw or "").strip(" ")
    scheme, colon, rest = text.partition(":")
    if colon and re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", scheme):
        host = re.match("(//[^/]*)?", rest)[0]
    elif text.startswith(("/dbfs/", "/mnt/")):
        scheme, host, rest = "dbfs", "", text.removeprefix("/dbfs")
    else:
        scheme, host, rest = "", "", text
    path = re.sub("/+", "/", rest[len(host) :]).rstrip("/")
    head = (f"{_SCHEMES.get(scheme.lower(), scheme.lower())}:" if scheme else "") + lowered(host)
    if head == "dbfs:" and path.startswith("/Volumes/"):
        head = ""
    if path.startswith("/"):
        path = "/" + "/".join(_lasting(path[1:].split("/")))
    return (head + path).rstrip("/") or None


def _lasting(segments: list[str]) -> list[str]:
    for place, segment in enumerate(segments):
        if place and segment in ("_delta_log", "_change_data", "_spark_metadata"):
            segments = segments[:place]
            break
    for place, segment in enumerate(segments):
        if place and segment.find("=") > 0:
            segments = segments[:place]
            break
    if len(segments) > 1 and _is_file_of_a_run(segments[-1]):
        segments = segments[:-1]
    return next((segments[:n] for n in range(1, len(segments)) if _is_date(segments[n:])), segments)


def _is_file_of_a_run(name: str) -> bool:
    dots = [place for place, char in enumerate(name) if char == "."]
    stems = [name[:dot] for dot in dots if re.fullmatch("[A-Za-z][A-Za-z0-9.]*", name[dot + 1 :])]
    return bool(re.match("part-[0-9]{4}", name)) or any(re.search(_STAMP, stem) for stem in stems)


def _is_date(segments: list[str]) -> bool:
    """True when nothing but dates is left: year/month[/day[/hour]] or one segment holding all of it."""
    if not segments:
        return True
    if re.fullmatch(_WHOLE_DATE, segments[0]) and _is_date(segments[1:]):
        return True
    parts = (_YEAR, "0?[1-9]|1[0-2]", "0?[1-9]|[12][0-9]|3[01]", "[01]?[0-9]|2[0-3]")
    return any(
        len(segments) >= most
        and all(re.fullmatch(part, segment) for part, segment in zip(parts, segments[:most], strict=False))
        and _is_date(segments[most:])
        for most in (2, 3, 4)
    )


def dataset(row: Mapping[str, Any], side: str) -> Dataset | None:
    """One end of a row; a path counts only where the row names no table."""
    name = fold(row[f"{side}_table_name"])
    if name:
        return Dataset(fold(row[f"{side}_table_catalog"]), fold(row[f"{side}_table_schema"]), table_name(name), None)
    path = folder(row[f"{side}_path"])
    return Dataset(None, None, None, path) if path else None
