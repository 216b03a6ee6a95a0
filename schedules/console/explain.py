"""What a dataset may be called in Purview, for a person and as JSON lines."""

import sys
from collections.abc import Iterable
from typing import BinaryIO

import orjson

from miner.errors import SettingsError
from schedules.console import screen
from schedules.console.screen import Screen
from schedules.explanations import Explanation, Find, asked, explained, lines, refused, told
from sinks.purview.naming import Context


def show_explanation(shown: Screen, explanation: Explanation) -> None:
    """The candidates in their order, and the reason."""
    shown.line("Candidates, most likely first" if explanation.naming.candidates else "No candidate", "bold")
    for at, one in enumerate(explanation.naming.candidates, start=1):
        # One to copy from a terminal: a table would break long names.
        shown.line(f"{at:>3}. {one.type_name}  ({one.rule}{', a guess' if one.guessed else ''})")
        shown.line(f"     {one.qualified_name}")
    match = explanation.match
    shown.line(f"match:  {match.type_name} {match.qualified_name}" if match else "match:  -")
    shown.line(f"reason: {explanation.reason}")


def print_json(explanation: Explanation) -> None:
    """One answer as one line of JSON."""
    sys.stdout.write(_line(explanation))


def answer_lines(given: Iterable[bytes], context: Context, find: Find | None = None) -> int:
    """Answer each line of JSON with one; tell of those that are no question. Gives their number."""
    wrong = 0
    for number, line in lines(given):
        try:
            answer = explained(asked(line), context, find)
        except SettingsError as failure:
            wrong += 1
            message = f"line {number}: {failure.message}"
            screen.error(SettingsError(message))
            answer = refused(line, message)
        sys.stdout.write(_line(answer))
    if wrong:
        sys.stdout.flush()
        screen.error(
            SettingsError(
                f"{wrong} of the lines could not be read, the others are answered",
                mend='write one object a line: {"name": …}, {"path": …} or {"namespace": …, "name": …}',
            )
        )
    return wrong


def standard_input() -> BinaryIO:
    """Standard input as bytes."""
    return sys.stdin.buffer


def _line(explanation: Explanation) -> str:
    return orjson.dumps(told(explanation)).decode() + "\n"
