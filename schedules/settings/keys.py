"""The keys of settings models: which there are, under which path, and how a path is written in TOML."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Key = tuple[str, ...]

NAME = "NAME"
"""Stands for the name a user gives, as in `sources.NAME.path`."""


def catalogue(model: type[BaseModel], under: Key = ()) -> dict[Key, FieldInfo]:
    """Every key of the model, sections included, in the order of declaration."""
    found: dict[Key, FieldInfo] = {}
    for name, field in model.model_fields.items():
        key = (*under, name)
        found[key] = field
        named = (NAME,) if get_origin(field.annotation) is dict else ()
        for inner in _models(field.annotation):
            found |= catalogue(inner, (*key, *named))
    return found


def find(known: Mapping[Key, FieldInfo], key: Key) -> FieldInfo | None:
    """Give the field a key stands for, or the nearest section around it that has one."""
    for end in range(len(key), 0, -1):
        for candidate, field in known.items():
            if _same(candidate, key[:end]):
                return field
    return None


def siblings(known: Mapping[Key, FieldInfo], key: Key) -> list[str]:
    """Names allowed beside the last part of a key."""
    return [name for *above, name in known if _same(tuple(above), key[:-1])]


def dotted(key: Key) -> str:
    """Write a key as a dotted TOML path, with quotes where TOML wants them."""
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part) for part in key)


def types(annotation: object) -> Iterator[object]:
    """Give the plain types inside an annotation."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from types(part)


def _models(annotation: object) -> list[type[BaseModel]]:
    return [kind for kind in types(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _same(candidate: Key, key: Key) -> bool:
    return len(candidate) == len(key) and all(a in (b, NAME) for a, b in zip(candidate, key, strict=True))
