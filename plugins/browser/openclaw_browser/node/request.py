"""One browser request on its way to a route, and the route's reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from openclaw_browser.models import UploadFile
from openclaw_browser.node.browsers import Browsers
from openclaw_browser.node.failures import RouteError
from openclaw_browser.node.navigation import check_shown
from openclaw_browser.node.profile import Profile
from openclaw_browser.node.tabs import Tab

__all__ = ["Handler", "Reply", "Request"]

_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(slots=True)
class Reply:
    """What a route answers: a JSON object and the files it names."""

    body: dict[str, Any]
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def attach(self, data: bytes, mime_type: str, name: str) -> str:
        """Add a file; returns the path that names it."""
        path = f"openclaw-browser/{uuid4()}/{name}"
        self.files[path] = (data, mime_type)
        return path


@dataclass(frozen=True, slots=True)
class Request:
    """What a route gets.

    Attributes:
        values: query of a GET, body of a POST; what the path carries, too.
        deadline: of the whole request, on the loop's clock.
    """

    method: str
    path: str
    values: Mapping[str, Any]
    browsers: Browsers
    profile: Profile
    deadline: float
    upload: tuple[UploadFile, ...] = ()

    def left_ms(self, default: int, least: int = 1, most: int = 120_000) -> float:
        """Budget of one step in ms: `timeoutMs` or the default, within bounds and the whole's rest."""
        asked = self.number("timeoutMs", least=1, most=2**31 - 1)
        rest = (self.deadline - asyncio.get_running_loop().time()) * 1000
        return max(1.0, min(rest, max(least, min(most, asked if asked is not None else default))))

    def text(self, key: str) -> str | None:
        """A string, trimmed; None when absent or blank.

        Raises:
            RouteError: it is no string.
        """
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise RouteError(400, f"{key} must be a string, not {type(value).__name__}")
        return str(value).strip() or None

    def require(self, key: str) -> str:
        """A string that must be there.

        Raises:
            RouteError: it is not.
        """
        value = self.text(key)
        if value is None:
            raise RouteError(400, f"{key} is required")
        return value

    def choice(self, key: str, *choices: str) -> str | None:
        """One of several words.

        Raises:
            RouteError: it is another one.
        """
        value = self.text(key)
        if value is not None and value not in choices:
            raise RouteError(400, f"{key} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def flag(self, key: str) -> bool | None:
        """A boolean, also as a query string writes it.

        Raises:
            RouteError: it is something else.
        """
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word not in _TRUE + _FALSE:
            raise RouteError(400, f"{key} must be true or false, not {value!r}")
        return word in _TRUE

    def number(self, key: str, *, least: int, most: int) -> int | None:
        """A whole number, also as a query string writes it.

        Raises:
            RouteError: it is none, or out of range.
        """
        value = self.values.get(key)
        if value is None:
            return None
        try:
            number = int(str(value)) if not isinstance(value, float) else int(value)
            if isinstance(value, bool) or number != float(value):
                raise ValueError
        except (ValueError, OverflowError):
            raise RouteError(400, f"{key} must be a whole number, not {value!r}") from None
        if not least <= number <= most:
            raise RouteError(400, f"{key} must be from {least} to {most}, not {number}")
        return number

    async def tab(self) -> Tab:
        """The tab that `targetId` names, or the one used last.

        Raises:
            RouteError: there is none, or it shows what the navigation policy does not allow.
        """
        tab = await self.profile.tab(self.text("targetId"))
        if tab.crashed:
            raise RouteError(
                409,
                f"the page of tab {tab.reference} crashed; open its URL again with POST /navigate"
                f' {{"targetId": "{tab.reference}", "url": …}}',
            )
        check_shown(tab.page.url, self.browsers.config.allow_schemes)
        return tab


Handler = Callable[[Request], Awaitable[Reply]]
