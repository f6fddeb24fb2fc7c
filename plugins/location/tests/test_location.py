"""location.get through a real gateway and node host, without a receiver: codes and the configured place."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openclaw_location.family import FAMILY
from openclaw_location.models import LocationConfig
from openclaw_location.node.probe import probe_sources

from openclaw_core.testing import TestGateway, plugins_of

from .conftest import GEOCLUE_OFF, GPSD_OFF, Place, refusal

BERLIN = {"lat": 52.52, "lon": 13.405, "accuracyMeters": 30.0}
OFF = {**GPSD_OFF, **GEOCLUE_OFF}


def test_the_configured_place(run: Any, place: Place) -> None:
    async def scene() -> None:
        async with place(fixed=BERLIN, **OFF) as node:
            answer = await node.invoke("location.get", {})
            assert (answer["lat"], answer["lon"], answer["accuracyMeters"]) == (52.52, 13.405, 30.0)
            assert (answer["isPrecise"], answer["source"]) == (True, "unknown")
            coarse = await node.invoke("location.get", {"desiredAccuracy": "coarse"})
            assert (coarse["lon"], coarse["isPrecise"]) == (13.4, False)
            code, message = await refusal(node, timeoutMs=10)
            assert code == "INVALID_REQUEST"
            assert "timeoutMs" in message
            assert "1000" in message

    run(scene())


def test_switched_off(run: Any, place: Place) -> None:
    async def scene() -> None:
        async with place(enabled=False, fixed=BERLIN) as node:
            code, message = await refusal(node)
            assert (code, "enabled to true" in message) == ("LOCATION_DISABLED", True)

    run(scene())


def test_a_source_that_went_away(run: Any, place: Place) -> None:
    async def scene() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with place(gpsd={"port": port}, **GEOCLUE_OFF) as node:
            code, message = await refusal(node)
            assert code == "LOCATION_UNAVAILABLE"
            assert f"gpsd at 127.0.0.1:{port} closed the connection" in message
            server.close()
            await server.wait_closed()
            code, message = await refusal(node)
            assert code == "LOCATION_UNAVAILABLE"
            assert "start gpsd" in message

    run(scene())


def test_nothing_is_offered_where_nothing_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    nowhere = {"gpsd": {"host": "127.0.0.1", "port": 1}}
    why = probe_sources(LocationConfig.model_validate(nowhere)).unavailable or ""
    for cure in ("start gpsd", "package geoclue-2.0", "config.fixed"):
        assert cure in why
    settled = LocationConfig.model_validate({**nowhere, "fixed": BERLIN})
    assert probe_sources(settled).permissions == {"location": True}
    off = LocationConfig.model_validate({"enabled": False})
    assert probe_sources(off).permissions == {"location": False}
    service = tmp_path / "dbus-1/system-services/org.freedesktop.GeoClue2.service"
    service.parent.mkdir(parents=True)
    service.touch()
    assert probe_sources(LocationConfig.model_validate(nowhere)).unavailable is None


def test_a_phone_in_the_background(run: Any, tmp_path: Path) -> None:
    """What an app was seen to answer reaches the operator under its own code."""

    async def scene() -> None:
        async with TestGateway(tmp_path, plugins_of(FAMILY)) as gateway:
            phone, node_id = await gateway.node(
                ["location.get"], client={"platform": "ios", "deviceFamily": "iPhone"}
            )
            operator = await gateway.operator()
            request = {"nodeId": node_id, "command": "location.get", "idempotencyKey": "k"}
            asked = await operator.post("node.invoke", {**request, "params": {"maxAgeMs": 5}})
            invoke = (await phone.event("node.invoke.request"))["payload"]
            assert json.loads(invoke["paramsJSON"])["maxAgeMs"] == 5
            code = "LOCATION_BACKGROUND_UNAVAILABLE"
            failure = {"code": code, "message": "set location access to Always"}
            result = {"id": invoke["id"], "nodeId": node_id, "ok": False, "error": failure}
            await phone.call("node.invoke.result", result)
            frame = await operator.request("", request_id=asked)
            assert frame["error"]["details"]["nodeError"]["code"] == code

    run(scene())
