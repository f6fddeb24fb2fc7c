"""One node of the herd: a real socket, a real signature, and the back-off of the real node host."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from bench.invoke_load import NodeSession
from bench.session import Identity, Target, connect
from openclaw_core.client import ReconnectPolicy
from openclaw_core.client.reconnect import Retry

__all__ = ["Census", "Member"]


class Census:
    """What the herd did since it was last asked, and who is in.

    Attributes:
        boots: node → the boot id of the gateway it is connected to.
        attempts, refused: tries, and those that failed by their cause.
        seconds: of each try that got in, from its begin to hello-ok.
    """

    def __init__(self) -> None:
        self.boots: dict[str, str] = {}
        self.changed = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        self.attempts = 0
        self.refused: Counter[str] = Counter()
        self.seconds: list[float] = []

    def entered(self, node_id: str, boot_id: str) -> None:
        self.boots[node_id] = boot_id
        self.changed.set()

    def left(self, node_id: str) -> None:
        self.boots.pop(node_id, None)
        self.changed.set()


class Member:
    """Connects, answers invokes, and comes back whenever its socket is gone, until it shall leave."""

    def __init__(self, target: Target, identity: Identity, source: str, census: Census) -> None:
        self.node_id = identity.device_id
        self._target = target
        self._identity = identity
        self._source = source
        self._census = census
        self._policy = ReconnectPolicy()
        self._leaving = asyncio.Event()
        self._session: NodeSession | None = None
        self._stale: list[NodeSession] = []

    async def live(self) -> None:
        """Stay connected until `leave`."""
        while not self._leaving.is_set():
            error = await self._connect_once()
            if self._leaving.is_set():
                return
            decision = self._policy.after(error)
            assert isinstance(decision, Retry), f"{self.node_id} gave up: {error}"
            await self._pause(decision.delay_ms / 1000)

    def flap(self) -> None:
        """Drop the connection without a word; `live` comes back."""
        if self._session is not None:
            self._census.left(self.node_id)
            self._session.abort()

    def wander(self) -> None:
        """Come in by another socket while the gateway still believes in the old one.

        As after a change of networks: nothing that is sent to the old socket is read any
        more, and no goodbye comes from it.
        """
        session = self._session
        if session is None or session.closed.done():
            return
        self._census.left(self.node_id)
        session.go_deaf()
        self._stale.append(session)
        session.closed.set_result("wandered off")  # `live` goes on; the socket stays

    async def leave(self) -> None:
        """Close normally; returns when no socket is left."""
        self._leaving.set()
        session = self._session
        if session is not None:
            session.close()
            await session.closed
        for stale in self._stale:
            stale.abort()

    async def _connect_once(self) -> Exception | None:
        census, session = self._census, DeafableSession(self._target.token, self._identity)
        census.attempts += 1
        begun = time.perf_counter()
        try:
            await connect(self._target, session, self._source)
        except (OSError, TimeoutError) as error:
            census.refused[_cause(error)] += 1
            session.drop()
            return error
        census.seconds.append(time.perf_counter() - begun)
        self._policy.succeeded()
        self._session = session
        census.entered(self.node_id, session.hello.result()["server"]["bootId"])
        await session.closed
        census.left(self.node_id)
        self._session = None
        return None

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            pass


class DeafableSession(NodeSession):
    """A session whose network can vanish."""

    def go_deaf(self) -> None:
        """Read nothing more."""
        self._transport.pause_reading()

    def drop(self) -> None:
        """Let go of a socket that may never have come to be."""
        if hasattr(self, "_transport"):
            self.abort()


def _cause(error: BaseException) -> str:
    """A word or two for the figures."""
    text = str(error)
    if "upgrade refused" in text:
        return text.partition("upgrade refused: HTTP/1.1 ")[2][:3]
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError) and error.errno is not None:
        return "nobody listens"
    return "cut off" if isinstance(error, ConnectionError) and "{" not in text else text
