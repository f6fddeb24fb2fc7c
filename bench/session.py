"""Bench identities and signed connects (PROTOCOL 3.1-3.4), as node or as operator."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

import orjson
from nacl.signing import SigningKey

from bench.wire import ClientSocket

__all__ = ["Identity", "Session", "Target", "approve_pending", "await_ready", "connect", "make_identity"]

SIGNED_VERSION = "v3"
OPERATOR_SCOPES = ["operator.read", "operator.write", "operator.pairing", "operator.admin"]
COMMAND = "system.which"
CONNECT_TIMEOUT_S = 30.0
READY_TIMEOUT_S = 60.0
READY_RETRY_S = 0.02
_IDS = count(1)
S = TypeVar("S", bound="Session")


@dataclass(frozen=True, slots=True)
class Target:
    """The gateway under load."""

    port: int
    token: str


@dataclass(frozen=True, slots=True)
class Identity:
    """One device key, made from a number so that it is the same in every run."""

    device_id: str
    public_key: str
    key: SigningKey


def make_identity(number: int) -> Identity:
    """The bench node with this number."""
    key = SigningKey(hashlib.sha256(f"openclaw bench node {number}".encode()).digest())
    raw = bytes(key.verify_key)
    return Identity(hashlib.sha256(raw).hexdigest(), _text(raw), key)


class Session(ClientSocket):
    """One authenticated connection; requests before the load starts go through `request`."""

    def __init__(self, token: str, identity: Identity | None) -> None:
        super().__init__()
        self._token = token
        self._identity = identity
        loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send one request and return its response frame, refusals included."""
        frame = {"type": "req", "id": f"ctl-{next(_IDS)}", "method": method, "params": params}
        answer = asyncio.get_running_loop().create_future()
        self._answers[str(frame["id"])] = answer
        self.send(orjson.dumps(frame))
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            response: dict[str, Any] = await answer
        return response

    def received(self, message: bytes) -> None:
        frame = orjson.loads(message)
        if frame["type"] == "res":
            self._take_response(frame)
        elif frame["event"] == "connect.challenge":
            self.send(orjson.dumps(self._connect_frame(frame["payload"])))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for waiting in (self.hello, *self._answers.values()):
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"gateway closed: {self.closed.result()}"))

    def _take_response(self, frame: dict[str, Any]) -> None:
        if frame["id"] == "connect":
            if frame["ok"]:
                self.hello.set_result(frame["payload"])
            else:
                self.hello.set_exception(ConnectionRefusedError(str(frame["error"])))
        elif answer := self._answers.pop(frame["id"], None):
            answer.set_result(frame)

    def _connect_frame(self, challenge: dict[str, Any]) -> dict[str, Any]:
        params: dict[str, Any] = {"minProtocol": 4, "maxProtocol": 4, "auth": {"token": self._token}}
        if self._identity is None:
            params |= {"client": _client("cli", "cli"), "role": "operator"}
            params |= {"scopes": OPERATOR_SCOPES, "caps": []}
        else:
            params |= {"client": _client("node-host", "node"), "role": "node", "scopes": []}
            params |= {"caps": ["system"], "commands": [COMMAND], "pathEnv": "/usr/bin:/bin"}
            params["device"] = self._prove(self._identity, challenge)
        return {"type": "req", "id": "connect", "method": "connect", "params": params}

    def _prove(self, identity: Identity, challenge: dict[str, Any]) -> dict[str, Any]:
        nonce, signed_at = challenge["nonce"], challenge["ts"]
        fields = (SIGNED_VERSION, identity.device_id, "node-host", "node", "node", "")
        text = "|".join((*fields, str(signed_at), self._token, nonce, "linux", "linux"))
        signature = identity.key.sign(text.encode()).signature
        return {
            "id": identity.device_id,
            "publicKey": identity.public_key,
            "signature": _text(signature),
            "signedAt": signed_at,
            "nonce": nonce,
        }


async def connect(target: Target, session: S, source: str = "127.0.0.1") -> S:
    """Open `session` from loopback address `source` and wait for its hello-ok.

    Raises ConnectionRefusedError with the gateway's error when it says no.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        await loop.create_connection(lambda: session, "127.0.0.1", target.port, local_addr=(source, 0))
        await session.hello
    return session


async def await_ready(target: Target) -> None:
    """Connect as operator until the gateway takes it; some serve /health before they do.

    Raises TimeoutError after 60 s of refusals.
    """
    async with asyncio.timeout(READY_TIMEOUT_S):
        while True:
            session = Session(target.token, None)
            try:
                await connect(target, session)
            except (ConnectionRefusedError, ConnectionResetError):
                await asyncio.sleep(READY_RETRY_S)
                continue
            session.close()
            await session.closed
            return


async def approve_pending(operator: Session) -> int:
    """Approve every node surface that waits (PROTOCOL 8.4); returns how many."""
    listed = await operator.request("node.pair.list", {})
    pending = listed["payload"]["pending"]
    for item in pending:
        answer = await operator.request("node.pair.approve", {"requestId": item["requestId"]})
        if not answer["ok"]:
            raise ConnectionRefusedError(f"surface not approved: {answer['error']}")
    return len(pending)


def _client(client_id: str, mode: str) -> dict[str, str]:
    return {
        "id": client_id,
        "mode": mode,
        "version": "2026.9.6",
        "platform": "linux",
        "deviceFamily": "Linux",
    }


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
