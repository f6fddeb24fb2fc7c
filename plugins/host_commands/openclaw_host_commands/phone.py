"""Commands that only apps of phones, watches and desktops run; a gateway checks and relays them.

Platforms are the table of PROTOCOL 9.2, dangers the list of 9.3.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from openclaw_core.commands import DESKTOP_PLATFORMS, Command, Example, Platform
from openclaw_host_commands import phone_models as models
from openclaw_host_commands.phone_models import OpenParams, OpenResult

__all__ = ["PHONE_COMMANDS"]

PHONES_AND_MAC: frozenset[Platform] = frozenset(("ios", "android", "macos"))
ANDROID: frozenset[Platform] = frozenset(("android",))
IPHONE: frozenset[Platform] = frozenset(("ios",))
NOWHERE: frozenset[Platform] = frozenset()


def _declare(
    name: str,
    title: str,
    platforms: frozenset[Platform],
    params: type[BaseModel] = OpenParams,
    result: type[BaseModel] = OpenResult,
    *,
    reads: bool = True,
    **facts: Any,
) -> Command:
    """A command without a handler. One that reads may be repeated; `reads` False: it changes something."""
    return Command(
        name=name,
        params=params,
        result=result,
        title=title,
        description=facts.pop("description", f"{title}."),
        platforms=platforms,
        read_only=reads,
        idempotent=reads,
        **facts,
    )


_NO_SHAPE = "What it takes and answers is the app's own; the contract pins no shape."


def _open(name: str, title: str, platforms: frozenset[Platform], **facts: Any) -> Command:
    return _declare(name, title, platforms, description=f"{title}. {_NO_SHAPE}", **facts)


PHONE_COMMANDS: tuple[Command, ...] = (
    _open("device.permissions", "Tell which system permissions the app has", ANDROID),
    _declare(
        "device.apps",
        "List installed apps",
        frozenset(("android", "macos")),
        models.AppsParams,
        models.AppsResult,
        examples=(Example({"query": "mail", "limit": 20}),),
    ),
    _open("notifications.list", "List the notifications on the device", ANDROID),
    _declare(
        "notifications.actions",
        "Open, dismiss or answer a notification",
        ANDROID,
        models.NotificationActionParams,
        reads=False,
        destructive=True,
    ),
    _open("contacts.search", "Search contacts", PHONES_AND_MAC),
    _open("contacts.add", "Add a contact", NOWHERE, reads=False, dangerous=True),
    _open("calendar.events", "List calendar events", PHONES_AND_MAC),
    _open("calendar.add", "Add a calendar event", NOWHERE, reads=False, dangerous=True),
    _open("reminders.list", "List reminders", PHONES_AND_MAC),
    _open("reminders.add", "Add a reminder", NOWHERE, reads=False, dangerous=True),
    _declare("photos.latest", "Fetch the newest photos", PHONES_AND_MAC, models.PhotosParams),
    _open("motion.activity", "Tell what the person is doing: standing, walking, driving", PHONES_AND_MAC),
    _open("motion.pedometer", "Count steps", PHONES_AND_MAC),
    _open("callLog.search", "Search the list of calls", ANDROID),
    _open("sms.search", "Search text messages", NOWHERE, dangerous=True),
    _declare(
        "sms.send",
        "Send a text message",
        NOWHERE,
        models.SendTextParams,
        reads=False,
        dangerous=True,
        examples=(Example({"to": "+15550100", "message": "on my way"}),),
    ),
    _open("health.summary", "Summarise health data", NOWHERE, dangerous=True),
    _declare("watch.status", "Tell about the paired watch", IPHONE, OpenParams, models.WatchStatusResult),
    _declare(
        "watch.notify",
        "Show a notification on the watch",
        IPHONE,
        models.WatchNotifyParams,
        models.WatchNotifyResult,
        reads=False,
        examples=(Example({"title": "Door", "body": "It is open", "priority": "active"}),),
    ),
    _open("mobile.ui.observe", "Describe what is on the phone's screen", ANDROID),
    _open("mobile.ui.act", "Tap, type or swipe on the phone", ANDROID, reads=False, destructive=True),
    _declare(
        "computer.act",
        "Use pointer and keyboard of the desktop",
        DESKTOP_PLATFORMS,
        models.ComputerActParams,
        reads=False,
        destructive=True,
    ),
)
"""Every one of them, without a handler."""
