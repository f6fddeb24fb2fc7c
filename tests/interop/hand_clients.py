"""A node and an operator written by hand from the protocol text alone; they share no code with this project.

Small and quick to start, so that the same scripted scenario can run against several gateways, with the
same device identity on each and therefore the same ids in what they print.
"""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from queue import Empty, Queue
from typing import Any, Self

from nacl.signing import SigningKey
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

__all__ = ["CAPS", "COMMANDS", "HandNode", "HandOperator", "HandPhone", "RefusedError"]

Json = dict[str, Any]

CAPS = ["system"]
COMMANDS = [
    "system.execApprovals.get", "system.execApprovals.set", "system.notify", "system.run",
    "system.run.prepare", "system.which",
]  # fmt: skip
APPROVALS = {
    "path": "/node/exec-approvals.json", "exists": True, "hash": "0f",
    "file": {"version": 1, "defaults": {"security": "allowlist", "ask": "on-miss"}, "agents": {}},
}  # fmt: skip
ANSWERS: dict[str, Json] = {
    "system.execApprovals.get": APPROVALS, "system.execApprovals.set": APPROVALS,
    "system.notify": {"ok": True}, "system.which": {"bins": {"sh": "/bin/sh"}},
}  # fmt: skip
PLATFORM = {"version": "0.0.1", "platform": "linux", "deviceFamily": "Linux"}
NODE = {"id": "node-host", "mode": "node", "displayName": "Hand Node", **PLATFORM}
PHONE = {
    "id": "openclaw-ios", "mode": "node", "displayName": "Hand Phone", "version": "2026.9.1",
    "platform": "iOS 18.4.0", "deviceFamily": "iPhone", "modelIdentifier": "iPhone17,1",
}  # fmt: skip
OPERATOR = {"id": "cli", "mode": "cli", **PLATFORM}
SCOPES = ["operator.admin", "operator.read", "operator.write", "operator.pairing", "operator.approvals"]


class RefusedError(Exception):
    """The gateway answered `connect` with an error; `error` is the error object of the frame."""

    def __init__(self, error: Json) -> None:
        super().__init__(error.get("message"))
        self.error = error


def unpadded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class HandClient:
    """One connection at a time: shakes hands, reads in the background, notices its end."""

    def __init__(self, port: int, token: str) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self.token = token
        self._ended: Queue[int | None] = Queue()
        self._answers: Queue[Json] = Queue()
        self._asked = 0
        self._socket: ClientConnection | None = None
        self._open = ExitStack()
        self._thread: threading.Thread | None = None

    def connect(self) -> Json:
        """Shake hands and serve in the background; the hello-ok payload. Raises RefusedError."""
        self.leave()
        opening = connect(self.url, compression=None, max_size=None, open_timeout=20, proxy=None)
        socket = self._open.enter_context(opening)
        challenge = json.loads(socket.recv(timeout=20))["payload"]
        params = {"minProtocol": 4, "maxProtocol": 4, "auth": {"token": self.token}, **self.params(challenge)}
        socket.send(json.dumps({"type": "req", "id": "1", "method": "connect", "params": params}))
        answer = json.loads(socket.recv(timeout=20))
        if not answer["ok"]:
            self.leave()
            raise RefusedError(answer["error"])
        self._ended, self._socket = Queue(), socket
        self._thread = threading.Thread(target=self._serve, args=(socket, self._ended), daemon=True)
        self._thread.start()
        return dict(answer["payload"])

    def params(self, challenge: Json) -> Json:
        """Who this client is: its part of the `connect` params."""
        raise LookupError(f"{type(self).__name__} does not say who it is")

    def take(self, socket: ClientConnection, frame: Json) -> None:
        """Act on one frame; by default there is nothing to do."""

    def ask(self, method: str, params: Json, within_s: float = 30) -> Json:
        """Call one method; the whole response frame, refusals included."""
        assert self._socket is not None, "connect first"
        self._asked += 1
        asked = f"a{self._asked}"
        self._socket.send(json.dumps({"type": "req", "id": asked, "method": method, "params": params}))
        while True:
            answer = self._answers.get(timeout=within_s)
            if answer["id"] == asked:
                return answer

    def _serve(self, socket: ClientConnection, ended: Queue[int | None]) -> None:
        try:
            for message in socket:
                frame = json.loads(message)
                if frame["type"] == "res":
                    self._answers.put(frame)
                self.take(socket, frame)
        except ConnectionClosed:
            pass  # the code is what a test looks at
        ended.put(socket.close_code)

    def closed(self, within_s: float = 10) -> int | None:
        """Wait until the gateway closed the connection; the close code."""
        try:
            return self._ended.get(timeout=within_s)
        except Empty:
            raise AssertionError(f"the gateway did not close {self.url} within {within_s} s") from None

    def leave(self) -> None:
        """Close the connection, if there is one."""
        self._open.close()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


class HandOperator(HandClient):
    """An operator with every scope that says nothing and hears every broadcast."""

    def params(self, challenge: Json) -> Json:
        return {"client": OPERATOR, "role": "operator", "scopes": SCOPES, "caps": []}


class HandNode(HandClient):
    """One device identity (from a 32-byte seed) that answers invokes.

    `client`, `caps` and `commands` are what it says of itself.
    """

    client: Json = NODE
    caps: Sequence[str] = CAPS
    commands: Sequence[str] = COMMANDS

    def __init__(self, port: int, token: str, seed: bytes) -> None:
        super().__init__(port, token)
        self.key = SigningKey(seed)
        self.public = bytes(self.key.verify_key)
        self.id = hashlib.sha256(self.public).hexdigest()
        self.invokes: list[Json] = []

    def params(self, challenge: Json) -> Json:
        signed_at, nonce = challenge["ts"], challenge["nonce"]
        own = self.client
        fields = ["v3", self.id, own["id"], own["mode"], "node", "", str(signed_at), self.token, nonce]
        fields += [own["platform"].lower(), own["deviceFamily"].lower()]
        signature = self.key.sign("|".join(fields).encode()).signature
        device = {
            "id": self.id, "publicKey": unpadded(self.public), "signature": unpadded(signature),
            "signedAt": signed_at, "nonce": nonce,
        }  # fmt: skip
        surface = {"caps": self.caps, "commands": self.commands, "pathEnv": "/usr/bin:/bin"}
        return {"client": own, "role": "node", "scopes": [], "device": device, **surface}

    def take(self, socket: ClientConnection, frame: Json) -> None:
        """Answer an invoke; other frames need no answer."""
        if frame.get("event") != "node.invoke.request":
            return
        invoke = frame["payload"]
        self.invokes.append(invoke)
        outcome = self.answer(invoke["command"], json.loads(invoke.get("paramsJSON") or "{}"))
        if outcome is None:
            return
        params = {"id": invoke["id"], "nodeId": invoke["nodeId"], **outcome}
        answer = {"type": "req", "id": f"r{len(self.invokes)}", "method": "node.invoke.result"}
        socket.send(json.dumps(answer | {"params": params}))

    def answer(self, command: str, params: Json) -> Json | None:
        """The outcome of one command; None to stay silent. A `bins` of these words asks for trouble."""
        match params.get("bins"):
            case ["silence"]:
                return None
            case ["trouble"]:
                return {"ok": False, "error": {"code": "NO_DISK", "message": "the disk of the node is gone"}}
        known = ANSWERS.get(command)
        if known is None:
            return {"ok": False, "error": {"code": "UNAVAILABLE", "message": "command not supported"}}
        return {"ok": True, "payloadJSON": json.dumps(known)}


# As 18.3 and 18.6 pin them.
PHONE_ANSWERS: dict[str, Json] = {
    "camera.snap": {"format": "jpg", "base64": "/9j/2Q==", "width": 1, "height": 1},
    "device.info": {
        "deviceName": "Hand Phone", "modelIdentifier": "iPhone17,1", "systemName": "iOS",
        "systemVersion": "18.4.0", "appVersion": "1.0", "appBuild": "1", "locale": "en_GB",
    },
}  # fmt: skip


class HandPhone(HandNode):
    """A phone whose app is in the background: it cannot show anything until `is_foreground`."""

    client = PHONE
    caps = ("camera", "device")
    commands = ("camera.snap", "device.info")
    is_foreground = False

    def answer(self, command: str, params: Json) -> Json | None:
        """Photos only with the app in front; the rest always."""
        if command == "camera.snap" and not self.is_foreground:
            text = "NODE_BACKGROUND_UNAVAILABLE: camera commands need the app in front"
            return {"ok": False, "error": {"code": "NODE_BACKGROUND_UNAVAILABLE", "message": text}}
        return {"ok": True, "payloadJSON": json.dumps(PHONE_ANSWERS[command])}
