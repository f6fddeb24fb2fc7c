"""Families come, change and go while the gateway runs, and nobody is disconnected for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.discovery import forget_modules
from openclaw_core.testing import TestGateway, Wire
from tests.packages import install, uninstall

pytestmark = [pytest.mark.anyio, pytest.mark.covers("plugins.reload", "plugins.list", "plugins.changed")]

DISTRIBUTION = "openclaw-reloaded-lamp"
ENTRY = "reloaded_lamp = openclaw_reloaded_lamp"
SOURCE = """
class Colour(BaseModel):
    colour: str

@hookimpl
def openclaw_family():
    return Family("reloaded_lamp", "Lamp", (Command("lamp.on", Any, {model}, platforms=ALL_PLATFORMS),))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that pip could install into, on the path of this process."""
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions may be written within one second
    yield path
    forget_modules("openclaw_reloaded_lamp")


async def reload(operator: Wire) -> set[str]:
    answer: dict[str, Any] = await operator.call("plugins.reload")
    ours = {word: "reloaded_lamp" in answer[word] for word in ("added", "removed", "replaced")}
    return {word for word, said in ours.items() if said}


async def entry_of(operator: Wire) -> dict[str, Any]:
    (entry,) = (await operator.call("node.list"))["nodes"]
    return entry


async def waiting_of(operator: Wire) -> set[str]:
    return {row["nodeId"] for row in (await operator.call("node.pair.list"))["pending"]}


async def invoke(operator: Wire, node: Wire, node_id: str, result: Any) -> dict[str, Any]:
    params = {"nodeId": node_id, "command": "lamp.on", "idempotencyKey": f"k{id(result)}"}
    asked = await operator.post("node.invoke", params)
    request = (await node.event("node.invoke.request"))["payload"]
    await node.call("node.invoke.result", {"id": request["id"], "nodeId": node_id, "ok": True, **result})
    while (frame := await operator.receive()).get("id") != asked:
        operator.events.append(frame)
    return frame


async def test_a_family_comes_changes_and_goes(site: Path, tmp_path: Path) -> None:
    async with TestGateway(tmp_path / "state") as gateway:
        operator = await gateway.operator()
        node, node_id = await gateway.node(["lamp.on"])
        before = await entry_of(operator)
        assert before["commands"] == []

        install(site, DISTRIBUTION, ENTRY, SOURCE.format(model="Any"))
        assert await reload(operator) == {"added"}
        assert "reloaded_lamp" in (await operator.event("plugins.changed"))["payload"]["added"]
        await operator.event("node.pair.requested", lambda payload: payload["commands"] == ["lamp.on"])
        await gateway.approve_surface(node_id)
        assert (await entry_of(operator))["commands"] == ["lamp.on"]
        assert (await invoke(operator, node, node_id, {"payload": {"colour": 3}}))["ok"]

        install(site, DISTRIBUTION, ENTRY, SOURCE.format(model="Colour"), version="2")
        assert await reload(operator) == {"replaced"}
        refused = await invoke(operator, node, node_id, {"payload": {"colour": 4}})
        assert "colour" in refused["error"]["message"]

        uninstall(site, DISTRIBUTION)
        assert await reload(operator) == {"removed"}
        after = await entry_of(operator)
        assert (after["commands"], after["connectedAtMs"]) == ([], before["connectedAtMs"])
        refused = await operator.request(
            "node.invoke", {"nodeId": node_id, "command": "lamp.on", "idempotencyKey": "gone"}
        )
        assert refused["error"]["details"]["reason"] == "command not allowlisted"


async def test_the_answer_comes_when_every_node_has_followed(site: Path, tmp_path: Path) -> None:
    async with TestGateway(tmp_path / "state") as gateway:
        operator, other = await gateway.operator(), await gateway.operator()
        ids = [(await gateway.node(["lamp.on"]))[1] for _ in range(2)]
        install(site, DISTRIBUTION, ENTRY, SOURCE.format(model="Any"))
        # One node's approval is being decided meanwhile.
        async with gateway.server.gateway.runtime.registry.lock(ids[0]):
            asked = await operator.post("plugins.reload")
            # The other node is not held up, and neither is anybody else.
            new = {"nodeId": ids[1], "commands": ["lamp.on"]}
            await other.event("node.pair.requested", lambda payload: new.items() <= payload.items())
            assert await waiting_of(other) == {ids[1]}
            assert (await operator.call("health"))["ok"]
            assert all(frame.get("id") != asked for frame in operator.events)
        while (await operator.receive()).get("id") != asked:
            pass
        assert await waiting_of(operator) == set(ids)


async def test_one_that_failed_is_tried_again(site: Path, tmp_path: Path) -> None:
    async with TestGateway(tmp_path / "state") as gateway:
        operator = await gateway.operator()
        await reload(operator)  # takes in what is installed here
        install(site, DISTRIBUTION, ENTRY, "import nothing_of_this_name\n")
        assert await reload(operator) == set()
        await operator.event("plugins.changed", lambda told: not any(told.values()))
        listed = (await operator.call("plugins.list"))["plugins"]
        (broken,) = (item for item in listed if item["distribution"] == DISTRIBUTION)
        assert broken["state"] == "failed"
        assert "nothing_of_this_name" in broken["reason"]
        install(site, DISTRIBUTION, ENTRY, SOURCE.format(model="Any"), version="2")
        assert await reload(operator) == {"added"}


async def test_only_an_admin_reloads(tmp_path: Path) -> None:
    async with TestGateway(tmp_path) as gateway:
        operator = await gateway.operator(["operator.read"])
        refused = await operator.request("plugins.reload")
        assert refused["error"]["code"] == "FORBIDDEN"
        assert await operator.call("plugins.list") == {"plugins": []}
