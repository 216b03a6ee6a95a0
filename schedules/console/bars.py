"""Progress bars on standard error, for a person who waits; nothing at all when no terminal is attached."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from schedules.jobs import Watches


class Bars:
    """One bar for each thing a job is told to watch."""

    def __init__(self, progress: Progress, waiting_for: str = "") -> None:
        self._progress = progress
        self._waiting = progress.add_task(waiting_for, total=None)
        self._tasks: dict[str, TaskID] = {}

    @property
    def watches(self) -> Watches:
        """What a job tells its progress to."""
        return Watches(estate=self._estate, mined=self._mined, emitted=self._emitted)

    def say(self, waiting_for: str) -> None:
        """What is waited for now."""
        self._progress.update(self._waiting, description=waiting_for)

    def pause(self) -> None:
        """Leave the terminal to a question."""
        self._progress.stop()

    def go_on(self) -> None:
        """Show bars again."""
        self._progress.start()

    def _estate(self, day: str, done: int, days: int) -> None:
        self._show("estate", f"writing the estate, {day}", done, days)

    def _mined(self, source: str, stream: str, done: int, due: int) -> None:
        self._show(f"{source} {stream}", f"mining {stream} of {source}, days", done, due)

    def _emitted(self, kind: str, done: int) -> None:
        self._show(kind, f"emitting {kind} entities", done, None)

    def starting(self, source: str, seconds: float | None) -> None:
        """Show that a source's warehouse is waited for, until it goes on."""
        key = f"{source} warehouse"
        if seconds is not None:
            shown = self._tasks[key] if key in self._tasks else self._progress.add_task("", total=None)
            self._tasks[key] = shown
            text = f"waiting for the warehouse of {source}, which is starting or full, {seconds:.0f} s"
            self._progress.update(shown, description=text)
        elif key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))

    def _show(self, key: str, text: str, done: int, total: int | None) -> None:
        self._progress.update(self._waiting, visible=False)
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(text, total=total)
        self._progress.update(self._tasks[key], description=text, completed=done, total=total)


@contextmanager
def bars(waiting_for: str, *, printing: bool = False) -> Iterator[Bars]:
    """Bars that are gone when the block ends; until the first one, a line says what is waited for.

    A block that is `printing` to a terminal itself gets none: both would write over each other.
    """
    if not sys.stderr.isatty() or (printing and sys.stdout.isatty()):
        yield Bars(Progress(disable=True))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    # Rich puts what is logged meanwhile above the bars; see schedules/logs.py for the stream logs go to.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        yield Bars(progress, waiting_for)
