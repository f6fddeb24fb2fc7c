"""What a person sees while something takes its time: a line on stderr, gone when it is done."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Waiting"]

_PATIENCE_S = 1.0


class Waiting:
    """Use as a context manager; after a second it shows what is waited for, and for how long.

    Nothing is shown where stderr is no terminal.

    Args:
        text: what is waited for.
        quiet: show nothing, e.g. as the output is for a program.
    """

    def __init__(self, text: str, *, quiet: bool = False) -> None:
        self._text = text
        self._wanted = not quiet and sys.stderr.isatty()
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._timer: threading.Timer | None = None
        self._shown: Progress | None = None

    def __enter__(self) -> Self:
        if self._wanted:
            self._timer = threading.Timer(_PATIENCE_S, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Show nothing any more: it is over, or has something of its own to show."""
        with self._lock:
            self._wanted = False
            if self._timer is not None:
                self._timer.cancel()
            if self._shown is not None:
                self._shown.stop()
                self._shown = None

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        progress = Progress(*columns, console=Console(stderr=True), transient=True, get_time=time.monotonic)
        with self._lock:
            if self._wanted:
                progress.add_task(self._text)
                progress.tasks[0].start_time = self._begun
                progress.start()
                self._shown = progress
