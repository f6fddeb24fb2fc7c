"""Notifications over a real private bus, with a notification service of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openclaw_host_commands.models import NotifyParams
from openclaw_host_commands.node.notify import SERVICE, show

from openclaw_core import CommandError

dbus_fast = pytest.importorskip("dbus_fast", reason="dbus-fast is the extra [node]")
needs_bus = pytest.mark.skipif(
    shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed (apt: dbus)"
)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus that lives as long as the test."""
    argv = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    daemon = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    daemon.terminate()
    daemon.wait(10)
    daemon.stdout.close()


async def serve(error: str | None = None) -> tuple[Any, list[list[Any]]]:
    """A notification service on the bus; what it was asked to show."""
    from dbus_fast import Message, MessageType
    from dbus_fast.aio import MessageBus

    shown: list[list[Any]] = []

    def answer(message: Any) -> Any:
        if message.message_type is not MessageType.METHOD_CALL or message.member != "Notify":
            return None
        if error is not None:
            return Message.new_error(message, "org.freedesktop.Notifications.Error", error)
        shown.append(message.body)
        return Message.new_method_return(message, "u", [len(shown)])

    service = await MessageBus().connect()
    service.add_message_handler(answer)
    await service.request_name(SERVICE)
    return service, shown


def notify(run: Any, error: str | None = None, **params: str) -> list[list[Any]]:
    async def scene() -> list[list[Any]]:
        service, shown = await serve(error)
        try:
            await show(NotifyParams.model_validate(params), "workbench")
        finally:
            service.disconnect()
            await asyncio.wait_for(service.wait_for_disconnect(), 10)
        return shown

    result: list[list[Any]] = run(scene())
    return result


@needs_bus
def test_it_is_shown(run: Any, bus: str) -> None:
    (asked,) = notify(
        run, title="Door", body="open", sound="bell", priority="timeSensitive", delivery="overlay"
    )
    sender, replaces, icon, summary, body, actions, hints, timeout = asked
    assert (sender, replaces, icon, summary, body, actions, timeout) == (
        "workbench",
        0,
        "",
        "Door",
        "open",
        [],
        -1,
    )
    assert {key: value.value for key, value in hints.items()} == {"urgency": 2, "sound-name": "bell"}


@needs_bus
def test_a_body_alone_becomes_the_summary(run: Any, bus: str) -> None:
    (asked,) = notify(run, body="open")
    assert asked[3:5] == ["open", ""]
    assert asked[6]["urgency"].value == 1


@needs_bus
def test_a_refusal_of_the_desktop_is_told(run: Any, bus: str) -> None:
    with pytest.raises(
        CommandError, match=r"UNAVAILABLE: the desktop refused the notification \(do not disturb\)"
    ):
        notify(run, error="do not disturb", title="x")


@needs_bus
def test_without_a_service_the_cure_is_named(run: Any, bus: str) -> None:
    with pytest.raises(CommandError, match="run a notification service"):
        run(show(NotifyParams(title="x"), "workbench"))


def test_without_a_bus_the_cure_is_named(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(CommandError, match="UNAVAILABLE: there is no session bus"):
        run(show(NotifyParams(title="x"), "workbench"))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with pytest.raises(CommandError, match="UNAVAILABLE: the session bus does not answer"):
        run(show(NotifyParams(title="x"), "workbench"))
