"""device.* and files of this machine, and what phones were seen to answer, over a real gateway."""

from __future__ import annotations

import base64
import os
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from openclaw_host_commands import HostCommands
from openclaw_host_commands.device_models import MAX_UPLOAD_BYTES, UploadParams
from pydantic import ValidationError

from openclaw_core.testing import FakeNode, TestGateway, plugins_of

WATCH = {
    "supported": True,
    "paired": True,
    "appInstalled": True,
    "reachable": False,
    "activationState": "activated",
}
ANSWERS = {
    "device.apps": {
        "count": 1,
        "totalMatched": 3,
        "truncated": True,
        "apps": [{"label": "Mail", "bundleId": "com.mail", "path": "/Applications/Mail.app", "system": True}],
    },
    "watch.status": WATCH,
    "watch.notify": {"deliveredImmediately": False, "queuedForDelivery": True, "transport": "userInfo"},
    "notifications.list": {"notifications": [{"key": "0|chat|7", "title": "Ann"}]},
    "contacts.search": {"contacts": [{"displayName": "Ann", "phones": ["+15550100"]}]},
    "sms.send": {"ok": True},
}


@asynccontextmanager
async def room(tmp_path: Path, **answers: Any) -> AsyncIterator[FakeNode]:
    plugin = HostCommands()
    allow = ["device.info", "device.status", "device.health", *answers]
    plugins = plugins_of(extra=[plugin])
    async with (
        TestGateway(tmp_path, plugins, {"nodes.commands.allow": allow}) as gateway,
        FakeNode(gateway, plugin.openclaw_family(), answers=answers) as node,
    ):
        yield node


def test_this_machine_tells_about_itself(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with room(tmp_path) as node:
            info = await node.invoke("device.info", {})
            assert (info["deviceName"], info["systemVersion"]) == ("Fake Node", os.uname().release)
            status = await node.invoke("device.status", {})
            disk = shutil.disk_usage(Path.home())
            assert status["storage"]["totalBytes"] == disk.total
            assert status["uptimeSeconds"] > 0
            assert (status["battery"]["state"] == "unknown") is (psutil.sensors_battery() is None)
            assert set(status["network"]["interfaces"]) <= set(os.listdir("/sys/class/net"))
            health = await node.invoke("device.health", {})
            assert health["memory"]["totalBytes"] == psutil.virtual_memory().total

    run(scene())


def test_folders_and_uploads(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        root = tmp_path / "root"
        (root / "b").mkdir(parents=True)
        (root / ".a").mkdir()
        (root / "file").touch()
        async with room(tmp_path / "gateway") as node:
            listed = await node.invoke("fs.listDir", {"path": str(root)})
            assert listed["entries"] == [
                {"name": ".a", "path": str(root / ".a"), "hidden": True},
                {"name": "b", "path": str(root / "b")},
            ]
            assert (listed["parent"], listed["home"]) == (str(tmp_path), str(Path.home()))
            assert (await node.invoke("fs.listDir", {}))["path"] == str(Path.home())
            missing = (await node.attempt("fs.listDir", {"path": str(root / "no")}))["error"]
            assert missing["details"]["nodeError"]["code"] == "INVALID_REQUEST"
            assert "Error: ENOENT" in missing["message"]

            content = os.urandom(1000)
            sent = {"name": "a b.txt", "contentBase64": base64.b64encode(content).decode()}
            stored = await node.invoke("terminal.upload", sent)
            assert stored["size"] == 1000
            is_private(Path(stored["path"]), "a b.txt", content)
            refused = await node.attempt("terminal.upload", {**sent, "name": "../x"})
            assert refused["error"]["code"] == "INVALID_REQUEST"
            assert "name" in refused["error"]["message"]

    run(scene())


def is_private(path: Path, name: str, content: bytes) -> None:
    assert (path.name, path.read_bytes()) == (name, content)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    shutil.rmtree(path.parent)


def test_an_upload_is_bounded() -> None:
    fits = base64.b64encode(bytes(MAX_UPLOAD_BYTES)).decode()
    assert UploadParams.model_validate({"name": "x", "contentBase64": fits}).name == "x"
    more = base64.b64encode(bytes(MAX_UPLOAD_BYTES + 1)).decode()
    for wrong in (more, "%%%"):
        with pytest.raises(ValidationError):
            UploadParams.model_validate({"name": "x", "contentBase64": wrong})


def test_what_phones_answer_passes_whole(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with room(tmp_path, **ANSWERS) as node:
            asked = {
                "watch.notify": {"title": "Door", "body": "open"},
                "sms.send": {"to": "+1", "message": "m"},
            }
            for name, answer in ANSWERS.items():
                assert await node.invoke(name, asked.get(name, {})) == answer
            frame = await node.attempt("device.apps", {"limit": 201})
            assert (frame["error"]["code"], "limit" in frame["error"]["message"]) == ("INVALID_REQUEST", True)

    run(scene())


@pytest.mark.parametrize("code", ["INSTALLED_APPS_SHARING_DISABLED", "COMPUTER_DISABLED"])
def test_codes_of_apps_reach_the_operator(run: Any, tmp_path: Path, code: str) -> None:
    async def scene() -> None:
        async with TestGateway(tmp_path, plugins_of(extra=[HostCommands()])) as gateway:
            mac = {"platform": "macos", "deviceFamily": "Mac"}
            app, node_id = await gateway.node(["device.apps"], client=mac)
            operator = await gateway.operator()
            request = {"nodeId": node_id, "command": "device.apps", "idempotencyKey": "k"}
            asked = await operator.post("node.invoke", request)
            invoke = (await app.event("node.invoke.request"))["payload"]
            failure = {"code": code, "message": "switched off in the app's settings"}
            result = {"id": invoke["id"], "nodeId": node_id, "ok": False, "error": failure}
            await app.call("node.invoke.result", result)
            frame = await operator.request("", request_id=asked)
            assert frame["error"]["details"]["nodeError"]["code"] == code

    run(scene())


@pytest.mark.covers("notifications.changed", "push.apns.register")
def test_changed_notifications_reach_operators(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with TestGateway(tmp_path, plugins_of(extra=[HostCommands()])) as gateway:
            phone, node_id = await gateway.node(["system.notify"])
            operator = await gateway.operator()
            change = {"change": "posted", "key": "0|chat|7", "title": "Ann", "postTime": 5}
            sent = {"event": "notifications.changed", "payload": change}
            assert await phone.call("node.event", sent) == {"ok": True}
            heard = (await operator.event("notifications.changed"))["payload"]
            assert heard == {"nodeId": node_id, **change}
            for event, payload in (("notifications.changed", {"change": "?"}), ("push.apns.register", {})):
                assert await phone.call("node.event", {"event": event, "payload": payload}) == {"ok": True}

    run(scene())
