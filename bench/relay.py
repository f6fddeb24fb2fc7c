"""The relay without any rules: the floor that every real gateway is compared with.

It speaks just enough of the protocol (PROTOCOL 3.1, 11, 23.1) for the load generator:
a challenge, a hello, and one invoke as two received and three sent messages with JSON
both ways. No signature, scope, policy, validation, timeout or audit.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

import orjson

__all__ = ["CHALLENGE", "HEALTH_BODY", "Relay", "RelayPeer"]

CHALLENGE = orjson.dumps(
    {
        "type": "event",
        "event": "connect.challenge",
        "payload": {"nonce": "00000000-0000-4000-8000-000000000000", "ts": 1},
    }
)
HEALTH_BODY = '{"ok":true,"status":"live"}'
_POLICY = {"maxPayload": 26_214_400, "maxBufferedBytes": 52_428_800, "tickIntervalMs": 30_000}
_OK = {"ok": True}


class RelayPeer(Protocol):
    """One connected socket, whatever transport carries it."""

    device_id: str


P = TypeVar("P", bound=RelayPeer)
JsonObject = dict[str, Any]


class Relay(Generic[P]):
    """Remembers nodes by device id and carries invokes between operators and them."""

    def __init__(self) -> None:
        self.nodes: dict[str, P] = {}
        self._waiting: dict[str, tuple[P, str, str]] = {}
        self._ids = count(1)
        self._methods: dict[str, Callable[[P, JsonObject], list[tuple[P, bytes]]]] = {
            "node.invoke": self._invoke,
            "node.invoke.result": self._result,
            "connect": self._connect,
            "node.pair.list": self._list_pending,
        }

    def handle(self, peer: P, message: bytes | bytearray | memoryview) -> list[tuple[P, bytes]]:
        """Answer one message; returns what to send to whom, in order."""
        frame = orjson.loads(message)
        return self._methods[frame["method"]](peer, frame)

    def forget(self, peer: P) -> None:
        """Drop a closed socket."""
        if self.nodes.get(peer.device_id) is peer:
            del self.nodes[peer.device_id]

    def _invoke(self, peer: P, frame: JsonObject) -> list[tuple[P, bytes]]:
        params = frame["params"]
        invoke_id = f"invoke-{next(self._ids)}"
        node_id = params["nodeId"]
        self._waiting[invoke_id] = (peer, frame["id"], params["command"])
        payload = {
            "id": invoke_id,
            "nodeId": node_id,
            "command": params["command"],
            "paramsJSON": orjson.dumps(params["params"]).decode(),
            "timeoutMs": params["timeoutMs"],
            "idempotencyKey": params["idempotencyKey"],
        }
        event = {"type": "event", "event": "node.invoke.request", "payload": payload}
        return [(self.nodes[node_id], orjson.dumps(event))]

    def _result(self, peer: P, frame: JsonObject) -> list[tuple[P, bytes]]:
        params = frame["params"]
        operator, request_id, command = self._waiting.pop(params["id"])
        text = params["payloadJSON"]
        payload = {
            "ok": True,
            "nodeId": params["nodeId"],
            "command": command,
            "payload": orjson.loads(text),
            "payloadJSON": text,
        }
        return [(peer, _respond(frame["id"], _OK)), (operator, _respond(request_id, payload))]

    def _connect(self, peer: P, frame: JsonObject) -> list[tuple[P, bytes]]:
        params = frame["params"]
        role = params.get("role", "operator")
        if role == "node":
            peer.device_id = params["device"]["id"]
            self.nodes[peer.device_id] = peer
        hello = {
            "type": "hello-ok",
            "protocol": 4,
            "server": {"version": "relay", "connId": f"conn-{next(self._ids)}"},
            "features": {"methods": [], "events": []},
            "snapshot": {
                "presence": [],
                "health": {},
                "stateVersion": {"presence": 0, "health": 0},
                "uptimeMs": 0,
            },
            "auth": {"role": role, "scopes": params.get("scopes", [])},
            "policy": _POLICY,
        }
        return [(peer, _respond(frame["id"], hello))]

    def _list_pending(self, peer: P, frame: JsonObject) -> list[tuple[P, bytes]]:
        return [(peer, _respond(frame["id"], {"pending": [], "paired": []}))]


def _respond(request_id: str, payload: JsonObject) -> bytes:
    return orjson.dumps({"type": "res", "id": request_id, "ok": True, "payload": payload})
