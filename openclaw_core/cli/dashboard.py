"""`openclaw dashboard`: a link to the Control UI that pairs the browser which opens it, once (6.6)."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import typer

from openclaw_core.cli.call import ADMIN, Call, as_command
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.setup_access import grants, validity

__all__ = ["DashboardLink", "dashboard", "dashboard_link"]


@dataclass(frozen=True, slots=True)
class DashboardLink:
    """Where the page is.

    Attributes:
        url: with the setup code in its fragment, which browsers keep to themselves.
        expires_at_ms: Unix ms; None where the link pairs nobody, as the gateway asks for no secret.
        access: profile of the setup code; `limited` where the way there is not encrypted.
    """

    url: str
    expires_at_ms: int | None = None
    access: str = "full"

    @property
    def validity(self) -> str:
        """Whom it lets in with which rights, how long and how often, as sentences."""
        if self.expires_at_ms is None:
            return "This gateway has no authentication: whoever reaches it may ask to pair."
        rights = "with every right" if self.access == "full" else "without administrator's rights"
        until = validity(self.expires_at_ms, time.time_ns() // 1_000_000)
        return f"It lets one browser in, {rights}, {until}. It gives: {grants(self.access)}."


async def dashboard_link(call: Call) -> DashboardLink:
    """A new link to the page of the gateway that `call` is for.

    Raises:
        RpcError: the gateway gives no code, e.g. for want of operator.admin.
        GatewayUnreachableError: nobody is there.
    """
    parts = urlsplit(call.endpoint.url)
    page = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}/"
    hello = await call.hello()
    if hello.snapshot.auth_mode == "none":
        return DashboardLink(page)
    params = {"publicUrl": call.endpoint.url, "includeQr": False}
    answer = await call.request("device.pair.setupCode", params)
    access = str(answer.get("access") or "full")
    return DashboardLink(f"{page}#setup={answer['setupCode']}", answer.get("expiresAtMs"), access)


async def _dashboard(
    call: Call,
    open_it: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in this machine's browser.")
    ] = True,
) -> None:
    """A link to the Control UI that pairs the browser which opens it, once.

    Keep it to yourself: until it was used, it lets in whoever opens it.
    """
    link = await dashboard_link(call)
    if call.as_json:
        pairs = None if link.expires_at_ms is None else link.access
        print_json({"url": link.url, "expiresAtMs": link.expires_at_ms, "access": pairs})
        return
    print_line(link.url)
    print_line(link.validity)
    if open_it and sys.stdout.isatty() and _has_screen():
        webbrowser.open(link.url)


def _has_screen() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


dashboard = as_command(_dashboard, ADMIN)
