"""alert, confirm, prompt: they stop a page until somebody answers, so they wait for the caller."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from playwright.async_api import Dialog, Page
from playwright.async_api import Error as PlaywrightError

from openclaw_browser.node.failures import RouteError

__all__ = ["Answer", "DialogOpenError", "Dialogs"]

T = TypeVar("T")


class DialogOpenError(Exception):
    """A dialog opened while an action was under way; the action goes on when it is answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to tell a dialog; `text` is for prompts."""

    accept: bool
    text: str | None = None


class Dialogs:
    """The dialogs of one page."""

    def __init__(self, page: Page) -> None:
        self._open: dict[str, tuple[Dialog, dict[str, Any]]] = {}
        self._recent: deque[dict[str, Any]] = deque(maxlen=20)
        self._armed: Answer | None = None
        self._count = 0
        self._appeared = asyncio.Event()
        self._left: set[asyncio.Task[Any]] = set()
        page.on("dialog", self._opened)

    @property
    def waiting(self) -> bool:
        """A dialog is open and stops the page."""
        return bool(self._open)

    def state(self) -> dict[str, Any]:
        """`{dialogs: {pending, recent}}`."""
        pending = [entry for _, entry in self._open.values()]
        return {"dialogs": {"pending": pending, "recent": list(self._recent)}}

    async def answer(self, answer: Answer, dialog_id: str | None) -> None:
        """Answer the open dialog, or the next one when none is open.

        Raises:
            RouteError: no open dialog has this id.
        """
        if dialog_id is None and not self._open:
            self._armed = answer
            return
        found = self._open.pop(dialog_id or next(iter(self._open)), None)
        if found is None:
            open_ids = ", ".join(self._open) or "none"
            raise RouteError(404, f'no open dialog "{dialog_id}"; open now: {open_ids}')
        if not self._open:
            self._appeared.clear()
        await self._settle(found[0], found[1], answer, "request")

    async def unless_blocked(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an action; give up waiting, not the action, when a dialog opens.

        Raises:
            DialogOpenError: a dialog is open now.
        """
        if self._open:
            work.close()
            raise DialogOpenError
        task = asyncio.ensure_future(work)
        appeared = asyncio.ensure_future(self._appeared.wait())
        try:
            await asyncio.wait({task, appeared}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            appeared.cancel()
        if task.done():
            return task.result()
        self._left.add(task)
        task.add_done_callback(self._forget)
        raise DialogOpenError

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()  # its caller was told of the dialog and left

    async def _opened(self, dialog: Dialog) -> None:
        self._count += 1
        entry = {"id": f"d{self._count}", "type": dialog.type, "message": dialog.message[:4_000]}
        if dialog.type == "prompt":
            entry["defaultValue"] = dialog.default_value
        if dialog.type == "beforeunload":  # whoever closes or navigates a tab means it
            await self._settle(dialog, entry, Answer(accept=True), "auto")
        elif self._armed is not None:
            answer, self._armed = self._armed, None
            await self._settle(dialog, entry, answer, "armed")
        else:
            self._open[entry["id"]] = (dialog, entry)
            self._appeared.set()

    async def _settle(self, dialog: Dialog, entry: dict[str, Any], answer: Answer, by: str) -> None:
        self._recent.append({**entry, "accepted": answer.accept, "closedBy": by})
        try:
            if answer.accept:
                await dialog.accept(answer.text or "")
            else:
                await dialog.dismiss()
        except PlaywrightError:
            self._recent[-1]["closedBy"] = "page"  # it closed by itself, e.g. with its tab
