"""A node written by hand from the protocol text alone; it shares no code with this project.

Small and quick to start, so that the same scripted scenario can run against several gateways, with the
same device identity on each and therefore the same ids in what they print.
"""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from queue import Empty, Queue
from typing import Any, Self

from nacl.signing import SigningKey
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

__all__ = ["CAPS", "COMMANDS", "HandNode", "RefusedError"]

Json = dict[str, Any]

CAPS = ["system"]
COMMANDS = ["system.run", "system.run.prepare", "system.which"]
ANSWERS: dict[str, Json] = {"system.which": {"bins": {"sh": "/bin/sh"}}}
CLIENT = {
    "id": "node-host", "displayName": "Hand Node", "version": "0.0.1", "platform": "linux",
    "deviceFamily": "Linux", "mode": "node",
}  # fmt: skip


class RefusedError(Exception):
    """The gateway answered `connect` with an error; `error` is the error object of the frame."""

    def __init__(self, error: Json) -> None:
        super().__init__(error.get("message"))
        self.error = error


def unpadded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class HandNode:
    """One device identity (from a 32-byte seed) that can connect, answer invokes, and notice its end."""

    def __init__(self, port: int, token: str, seed: bytes) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self.token = token
        self.key = SigningKey(seed)
        self.public = bytes(self.key.verify_key)
        self.id = hashlib.sha256(self.public).hexdigest()
        self.invokes: list[Json] = []
        self.events: Queue[Json] = Queue()
        self.ended: Queue[int | None] = Queue()
        self._open = ExitStack()
        self._thread: threading.Thread | None = None

    def connect(self) -> Json:
        """Shake hands and serve in the background; the hello-ok payload. Raises RefusedError."""
        self.leave()
        opening = connect(self.url, compression=None, max_size=None, open_timeout=20, proxy=None)
        socket = self._open.enter_context(opening)
        challenge = json.loads(socket.recv(timeout=20))["payload"]
        socket.send(json.dumps(self._connect_frame(challenge)))
        answer = json.loads(socket.recv(timeout=20))
        if not answer["ok"]:
            self.leave()
            raise RefusedError(answer["error"])
        self._thread = threading.Thread(target=self._serve, args=(socket,), daemon=True)
        self._thread.start()
        return dict(answer["payload"])

    def _connect_frame(self, challenge: Json) -> Json:
        signed_at, nonce = challenge["ts"], challenge["nonce"]
        fields = ["v3", self.id, CLIENT["id"], CLIENT["mode"], "node", "", str(signed_at), self.token, nonce]
        fields += [CLIENT["platform"], CLIENT["deviceFamily"].lower()]
        signature = self.key.sign("|".join(fields).encode()).signature
        device = {
            "id": self.id, "publicKey": unpadded(self.public), "signature": unpadded(signature),
            "signedAt": signed_at, "nonce": nonce,
        }  # fmt: skip
        params = {
            "minProtocol": 4, "maxProtocol": 4, "client": CLIENT, "role": "node", "scopes": [], "caps": CAPS,
            "commands": COMMANDS, "pathEnv": "/usr/bin:/bin", "auth": {"token": self.token}, "device": device,
        }  # fmt: skip
        return {"type": "req", "id": "1", "method": "connect", "params": params}

    def _serve(self, socket: ClientConnection) -> None:
        try:
            for message in socket:
                frame = json.loads(message)
                if frame.get("event") == "node.invoke.request":
                    self._answer(socket, frame["payload"])
                elif frame["type"] == "event":
                    self.events.put(frame)
        except ConnectionClosed:
            pass  # the code is what a test looks at
        self.ended.put(socket.close_code)

    def _answer(self, socket: ClientConnection, invoke: Json) -> None:
        self.invokes.append(invoke)
        known = ANSWERS.get(invoke["command"])
        outcome: Json = {"ok": True, "payloadJSON": json.dumps(known)} if known else {
            "ok": False, "error": {"code": "UNAVAILABLE", "message": "command not supported"},
        }  # fmt: skip
        params = {"id": invoke["id"], "nodeId": invoke["nodeId"], **outcome}
        frame = {"type": "req", "id": f"r{len(self.invokes)}", "method": "node.invoke.result"}
        socket.send(json.dumps(frame | {"params": params}))

    def closed(self, within_s: float = 10) -> int | None:
        """Wait until the gateway closed the connection; the close code."""
        try:
            return self.ended.get(timeout=within_s)
        except Empty:
            raise AssertionError(f"the gateway did not close the node's socket within {within_s} s") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the connection, if there is one."""
        self._open.close()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None
