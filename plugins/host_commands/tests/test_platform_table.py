"""The whole tables of PROTOCOL 9.2 and 9.3, as far as this family owns the commands."""

from __future__ import annotations

import pytest
from openclaw_host_commands import HostCommands

COMMANDS = {item.name: item for item in HostCommands().openclaw_family().commands}
EVERYWHERE = "ios watchos android macos windows linux unknown"
DESKTOPS = "macos windows linux"
DEFAULTS = {
    "device.info device.status": "ios watchos android macos windows",
    "device.permissions device.health": "android",
    "device.apps": "android macos",
    "contacts.search calendar.events reminders.list photos.latest motion.activity motion.pedometer": (
        "ios android macos"
    ),
    "callLog.search notifications.list notifications.actions mobile.ui.observe mobile.ui.act": "android",
    "system.notify": EVERYWHERE,
    "watch.status watch.notify": "ios",
    "computer.act": DESKTOPS,
    "system.run.prepare system.run system.which system.execApprovals.get system.execApprovals.set": DESKTOPS,
    "fs.listDir terminal.upload mcp.tools.call.v1": DESKTOPS,
    "contacts.add calendar.add reminders.add health.summary sms.send sms.search": "",
}
DANGEROUS = set("contacts.add calendar.add reminders.add health.summary sms.send sms.search".split())
ROWS = [(name, set(platforms.split())) for names, platforms in DEFAULTS.items() for name in names.split()]


@pytest.mark.parametrize(("name", "platforms"), ROWS)
def test_where_it_is_allowed_by_default(name: str, platforms: set[str]) -> None:
    assert COMMANDS[name].platforms == platforms
    assert COMMANDS[name].dangerous is (name in DANGEROUS)


def test_the_table_is_whole() -> None:
    assert {name for name, _ in ROWS} == set(COMMANDS)
    admin = {name for name, item in COMMANDS.items() if item.admin_invoke}
    assert admin == {"fs.listDir", "terminal.upload"}
