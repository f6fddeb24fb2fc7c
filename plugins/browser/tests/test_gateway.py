"""The gateway half over sockets: what is refused before a node hears of it, and browser.request."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openclaw_browser import Browser

from openclaw_core.testing import TestGateway, Wire, plugins_of

COMMANDS = ["browser.proxy", "browser.proxy.upload.v1"]
MUTATION = "node.invoke cannot mutate persistent browser profiles via browser.proxy"


@asynccontextmanager
async def gateway_in(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with TestGateway(tmp_path / "gateway", plugins_of(extra=[Browser()])) as gateway:
        yield gateway


async def invoke(operator: Wire, node_id: str, params: Any, command: str = "browser.proxy") -> dict[str, Any]:
    request = {"nodeId": node_id, "command": command, "params": params, "idempotencyKey": str(uuid.uuid4())}
    return await operator.request("node.invoke", request)


async def answer(node: Wire, node_id: str, payload: Any) -> dict[str, Any]:
    """Answer the node's next invoke; its request."""
    request: dict[str, Any] = (await node.event("node.invoke.request"))["payload"]
    await node.call(
        "node.invoke.result", {"id": request["id"], "nodeId": node_id, "ok": True, "payload": payload}
    )
    return request


def test_refusals_before_the_node(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with gateway_in(tmp_path) as gateway:
            _, node_id = await gateway.node(COMMANDS, caps=["browser"], approve=False)
            admin, writer = await gateway.operator(), await gateway.operator(["operator.write"])
            (pending,) = (await admin.call("node.pair.list"))["pending"]
            assert pending["requiredApproveScopes"] == ["operator.pairing", "operator.admin"]
            await gateway.approve_surface(node_id)
            create = {"method": "POST", "path": "/profiles/create", "body": {"name": "x"}}
            for operator in (admin, writer):
                error = (await invoke(operator, node_id, create))["error"]
                wanted = {"command": "browser.proxy"}
                assert (error["code"], error["message"]) == ("INVALID_REQUEST", MUTATION)
                assert error["details"].items() >= wanted.items()
            refused = (await invoke(writer, node_id, {"path": "/"}))["error"]
            assert (refused["code"], refused["message"]) == ("FORBIDDEN", "missing scope: operator.admin")
            for params, pointer in (
                ({"path": "/", "method": "PUT"}, "/method"),
                ({"path": "/", "timeoutMs": 0}, "/timeoutMs"),
                ({"method": "GET"}, "'path'"),
            ):
                wrong = (await invoke(admin, node_id, params))["error"]
                assert (wrong["code"], pointer in wrong["message"]) == ("INVALID_REQUEST", True)

    run(scene())


def test_a_nodes_bad_result_is_named(run: Any, tmp_path: Path) -> None:
    async def scene() -> None:
        async with gateway_in(tmp_path) as gateway:
            node, node_id = await gateway.node(COMMANDS, caps=["browser"])
            admin = await gateway.operator()
            for payload in ({"neither": 1}, {"result": {}, "files": [{"path": "x", "base64": "abc"}]}):
                request = {"nodeId": node_id, "command": "browser.proxy", "params": {"path": "/"}}
                asked = await admin.post("node.invoke", {**request, "idempotencyKey": str(uuid.uuid4())})
                await answer(node, node_id, payload)
                error = (await admin.request("", request_id=asked))["error"]
                assert error["code"] == "UNAVAILABLE"
                assert "browser.proxy" in error["message"]

    run(scene())


@pytest.mark.covers("browser.request")
def test_browser_request(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path / "state"))

    async def scene() -> dict[str, Any]:
        async with gateway_in(tmp_path) as gateway:
            admin = await gateway.operator()
            shot = {"method": "POST", "path": "/screenshot", "body": {}, "timeoutMs": 7_000}
            lonely = (await admin.request("browser.request", shot))["error"]
            assert (lonely["code"], "no connected node" in lonely["message"]) == ("UNAVAILABLE", True)
            node, node_id = await gateway.node(COMMANDS, caps=["browser"])
            asked = await admin.post("browser.request", shot)
            file = {"path": "openclaw-browser/1/shot.png", "base64": "aGk=", "mimeType": "image/png"}
            sent = await answer(
                node, node_id, {"result": {"ok": True, "path": file["path"]}, "files": [file]}
            )
            assert sent["timeoutMs"] <= 12_000
            assert '"errorEnvelope":"browser-v1"' in sent["paramsJSON"]
            kept = (await admin.request("", request_id=asked))["payload"]
            for status, code in ((404, "INVALID_REQUEST"), (503, "UNAVAILABLE")):
                asked = await admin.post("browser.request", {"path": "/text"})
                await answer(
                    node, node_id, {"error": {"status": status, "body": {"error": "no", "code": "C"}}}
                )
                error = (await admin.request("", request_id=asked))["error"]
                assert (error["code"], error["message"], error["details"]["code"]) == (code, "no", "C")
            for refused in (
                {"method": "POST", "path": "/reset-profile"},
                {"path": "/tabs", "target": "host"},
                {"path": "/tabs", "node": "nobody"},
            ):
                assert (await admin.request("browser.request", refused))["ok"] is False
            await gateway.node(COMMANDS, caps=["browser"])
            several = (await admin.request("browser.request", {"path": "/"}))["error"]
            assert "several nodes have a browser" in several["message"]
            writer = await gateway.operator(["operator.write"])
            assert (await writer.request("browser.request", {"path": "/"}))["error"]["code"] == "FORBIDDEN"
            return kept

    kept = run(scene())
    path = Path(kept["path"])
    assert path.parent == tmp_path / "state" / "media" / "browser"
    assert path.read_bytes() == b"hi"
