"""Where text goes: results to standard output, errors and bars to standard error."""

import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from miner.errors import MinerError

PIPED_WIDTH = 100
"""Columns of a table that no terminal shows."""


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a table's column; numbers stand on the right, names are never cut but go on in the next line."""

    name: str
    number: bool = False


def number(name: str) -> Column:
    """A column of numbers."""
    return Column(name, number=True)


class Screen:
    """Prints text as it is: no markup, no emoji, no colour unless a terminal shows it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdout
        _lenient(stream)
        width = None if stream.isatty() else PIPED_WIDTH
        self._console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", style: str = "") -> None:
        """One line, however long."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def heading(self, text: str) -> None:
        """An empty line, and what follows."""
        self.line()
        self.line(text, "bold")

    def table(self, columns: Sequence[Column], rows: Iterable[Iterable[object]]) -> None:
        """A table without lines, for terminals and pipes alike; without a head when no column has a name."""
        named = any(column.name for column in columns)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=named)
        for column in columns:
            table.add_column(
                Text(column.name), justify="right" if column.number else "left", overflow="fold", no_wrap=column.number
            )
        for row in rows:
            table.add_row(*(Text(_told(value)) for value in row))
        if self._console.is_terminal:
            self._console.print(table)
        else:
            self._print_trimmed(table)

    def _print_trimmed(self, table: Table) -> None:
        """A table without the blanks that fill up its last column."""
        with self._console.capture() as captured:
            self._console.print(table)
        for line in captured.get().splitlines():
            self.line(line.rstrip())


def error(failure: MinerError, where: str = "") -> None:
    """What is wrong and how to mend it, to standard error."""
    screen = Screen(sys.stderr)
    prefix = f"{where}: " if where and not failure.message.startswith(where) else ""
    screen.line(f"error: {prefix}{failure.message}", "red")
    if failure.mend:
        screen.line(f"mend:  {failure.mend}")


def share(part: int, whole: int) -> str:
    """A share in percent; empty when there is nothing to have a share of."""
    return f"{part / whole:.1%}" if whole else ""


def _told(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _lenient(stream: TextIO) -> None:
    """A name that the terminal's encoding does not know must not end a run."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
