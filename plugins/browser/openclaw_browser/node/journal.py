"""What a tab's page did while nobody looked: console, errors, requests. Bounded, the newest kept."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import ConsoleMessage, Page, Request, Response
from playwright.async_api import Error as PlaywrightError

__all__ = ["LEVELS", "Journal"]

MAX_TEXT = 4_000
LEVELS = {"error": 3, "warning": 2, "warn": 2, "info": 1, "log": 1, "debug": 0, "verbose": 0}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


class Journal:
    """The record of one page, from the moment it exists."""

    def __init__(self, page: Page) -> None:
        self.console: deque[dict[str, Any]] = deque(maxlen=500)
        self.errors: deque[dict[str, Any]] = deque(maxlen=200)
        self.requests: deque[dict[str, Any]] = deque(maxlen=500)
        self._open: dict[Request, dict[str, Any]] = {}
        self._count = 0
        page.on("console", self._said)
        page.on("pageerror", self._threw)
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("requestfailed", self._failed)
        page.on("requestfinished", self._forget)

    def messages(self, level: str | None) -> list[dict[str, Any]]:
        """Console messages of at least a level; a type without a level counts as `info`."""
        least = LEVELS[level] if level else 0
        return [item for item in self.console if LEVELS.get(item["type"], 1) >= least]

    def find_requests(self, part: str | None) -> list[dict[str, Any]]:
        """Requests whose URL or resource type contains `part`."""
        return [
            item for item in self.requests if not part or part in item["url"] or part == item["resourceType"]
        ]

    def _said(self, message: ConsoleMessage) -> None:
        place = message.location
        self.console.append(
            {
                "type": message.type,
                "text": _cut(message.text),
                "timestamp": _now(),
                "location": {**place, "url": _cut(place["url"])} if place else {},
            }
        )

    def _threw(self, error: PlaywrightError) -> None:
        facts = {"name": error.name, "stack": error.stack}
        said = {key: _cut(text) for key, text in facts.items() if text}
        self.errors.append({"message": _cut(error.message), **said, "timestamp": _now()})

    def _asked(self, request: Request) -> None:
        self._count += 1
        entry = {
            "id": f"r{self._count}",
            "timestamp": _now(),
            "method": request.method,
            "url": _cut(request.url),
            "resourceType": request.resource_type,
        }
        self.requests.append(entry)
        if len(self._open) < 1_000:
            self._open[request] = entry

    def _answered(self, response: Response) -> None:
        entry = self._open.get(response.request)
        if entry is not None:
            entry["status"], entry["ok"] = response.status, response.ok

    def _failed(self, request: Request) -> None:
        entry = self._open.pop(request, None)
        if entry is not None:
            entry["ok"], entry["failureText"] = False, request.failure or "failed"

    def _forget(self, request: Request) -> None:
        self._open.pop(request, None)
