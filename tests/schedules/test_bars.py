import io

from rich.console import Console
from rich.progress import Progress, TextColumn

from schedules.console.bars import Bars


def test_a_warehouse_that_starts():
    """While a warehouse starts, the screen says for how long already; the line goes when the warehouse does."""
    progress = Progress(TextColumn("{task.description}"), console=Console(file=io.StringIO(), width=100))
    shown = Bars(progress, "looking what is due")
    shown.starting("prod", 7.4)
    shown.starting("prod", 12.0)
    lines = [task.description for task in progress.tasks]
    assert lines == ["looking what is due", "waiting for the warehouse of prod, which is starting or full, 12 s"]
    shown.starting("prod", None)
    shown.starting("other", None)
    assert [task.description for task in progress.tasks] == ["looking what is due"]
