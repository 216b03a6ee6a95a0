"""JSON for a program to read."""

import sys
from typing import Annotated

import orjson
import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def print_json(value: object) -> None:
    """Print a value, indented; what JSON does not know as text."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")
