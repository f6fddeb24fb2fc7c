"""The companion apps: what each brings, and the code that pairs one (PROTOCOL 6.6)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from openclaw_core.cli.onboard.exposure import is_loopback
from openclaw_core.cli.onboard.interview import Option
from openclaw_core.cli.onboard.setup import Setup
from openclaw_core.cli.qr import qr_text, setup_lines
from openclaw_core.cli.setup_access import grants

__all__ = ["offer_companions"]

_APPS = (
    Option("iOS", "the OpenClaw app: the phone's own commands and its voice; scan the code in it"),
    Option("Android", "the OpenClaw app: the phone's own commands, screen and voice; scan the code in it"),
    Option("macOS", "the OpenClaw app, or this program as a node: openclaw node run --pair CODE"),
    Option("Windows", "the OpenClaw app, or this program as a node: openclaw node run --pair CODE"),
    Option("Linux", "this program as a node: openclaw node run --pair CODE"),
)
_PROFILES = (
    Option("no", "not now; later: openclaw devices setup-code"),
    Option("node", f"a code for a device that only offers its own commands: {grants('node')}"),
    Option("limited", f"for a phone's app that also uses nodes: {grants('limited')}"),
    Option("full", f"for an app of yours that may do everything: {grants('full')}"),
)


def offer_companions(setup: Setup) -> None:
    """Say which apps there are; show a QR code if a person wants one now."""
    setup.say("Companion apps, from the OpenClaw project, pair with a setup code:")
    for app in _APPS:
        setup.say(f"  {app.value:8} {app.meaning}")
    if is_loopback(setup.settings.gateway.bind):
        setup.say("Other devices cannot reach this gateway, as it listens on loopback only. To let them:")
        setup.say("  openclaw onboard --bind lan --tls")
        return
    if not setup.interview.is_person:
        setup.say("A code and its QR, which work once, for ten minutes: openclaw devices setup-code")
        return
    choice = setup.interview.choose("Show a code for a device now?", _PROFILES, "no", _check_profile)
    if choice != "no":
        _show_code(setup, choice)


def _check_profile(text: str) -> str:
    if text not in {option.value for option in _PROFILES}:
        raise ValueError(f"{text!r} is none of {', '.join(option.value for option in _PROFILES)}")
    return text


def _show_code(setup: Setup, profile: str) -> None:
    params = {"bootstrapProfile": profile} if profile != "full" else {}
    answer = asyncio.run(_ask_code(setup, params))
    for line in setup_lines(answer, time.time_ns() // 1_000_000):
        setup.say(line)
    for line in qr_text(answer["setupCode"]):
        setup.say(line)


async def _ask_code(setup: Setup, params: dict[str, Any]) -> dict[str, Any]:
    call = setup.call()
    try:
        return dict(await call.request("device.pair.setupCode", params))
    finally:
        await call.close()
