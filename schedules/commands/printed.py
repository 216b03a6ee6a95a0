"""What a command found, for a person to look at or as JSON for a program to read."""

import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import orjson
import typer

from schedules.console.screen import Screen

Found = TypeVar("Found")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def print_json(value: object) -> None:
    """Print a value, indented; what JSON does not know as text."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def answer(found: Found, told: Callable[[Found], object], show: Callable[[Screen, Found], None], *, json: bool) -> None:
    """Print what was found: as JSON, by `told`, or as a person reads it, by `show`."""
    if json:
        print_json(told(found))
    else:
        show(Screen(), found)
