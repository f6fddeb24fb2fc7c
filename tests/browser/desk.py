"""A gateway and one node of this machine as processes, for a browser to look at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.interop.process import Program, await_value, clean_env, free_port

__all__ = ["Desk", "desk", "gateway_alone"]

OPENCLAW = [sys.executable, "-m", "openclaw_core"]
ALLOWED = ["camera.snap", "camera.clip", "device.info", "device.status"]
CONFIGS = {
    "camera": {"synthetic": True},
    "location": {"fixed": {"lat": 48.2, "lon": 16.37, "accuracyMeters": 5}},
}


QUESTION = """
import asyncio
from openclaw_core.client import open_gateway

async def ask():
    async with open_gateway() as gateway:
        catalog = await gateway.connection.request("tools.catalog", {})
        tools = [tool["id"] for group in catalog["groups"] for tool in group["tools"]]
        (name,) = [tool for tool in tools if tool.endswith("camera-snap")]
        await gateway.connection.request("tools.invoke", {"name": name, "args": {"maxWidth": 320}})

asyncio.run(ask())
"""


class Desk:
    """What a person at the CLI of that machine does.

    Attributes:
        url: where the browser goes.
        site: a directory that gateway and node import families from.
    """

    def __init__(
        self, place: Path, nodes: Mapping[str, Any] | None = None, auth: Mapping[str, Any] | None = None
    ) -> None:
        self._place = place
        state = place / "state"
        state.mkdir(parents=True)
        self.site = place / "site"
        self.site.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = clean_env(state, {"OPENCLAW_GATEWAY_PORT": str(self.port), "PYTHONPATH": str(self.site)})
        self._node_argv = [*OPENCLAW, "node", "run", "--host", "127.0.0.1", "--port", str(self.port)]
        entries = {name: {"config": config} for name, config in CONFIGS.items()}
        gateway = {"nodes": {"commands": {"allow": ALLOWED}, **(nodes or {})}, "auth": auth or {}}
        settings = {"gateway": gateway, "plugins": {"entries": entries}}
        (state / "openclaw.json").write_text(json.dumps(settings))
        self.gateway = Program([*OPENCLAW, "gateway", "run"], self.env, place / "gateway.log")
        self.node: Program | None = None

    def openclaw(self, *arguments: str) -> Any:
        """Run a command and return what it prints with `--json`."""
        return json.loads(self._run(*OPENCLAW, *arguments, "--json"))

    def python(self, program: str) -> None:
        """Run a program beside the gateway, as its operator."""
        self._run(sys.executable, "-c", program)

    def ask_as_agent(self, width: int = 320) -> None:
        """An agent wants a photo, for which a person is asked; an answer counts for photos of that width."""
        await_value(self.here, "the node is connected", within_s=30, evidence=self.gateway.tail)
        self.python(QUESTION.replace("320", str(width)))

    def launch_node(self, name: str, *arguments: str) -> None:
        """The node comes; what the gateway says to that is seen elsewhere."""
        argv = [*self._node_argv, "--display-name", name, *arguments]
        self.node = Program(argv, self.env, self._place / "node.log")
        self.node.__enter__()

    def launch_other(self, *arguments: str) -> None:
        """A device that was never here, which has nothing but what it is told."""
        state = self._place / "other"
        state.mkdir()
        (state / "openclaw.json").write_bytes((self._place / "state" / "openclaw.json").read_bytes())
        self.node = Program(
            [*OPENCLAW, "node", "run", *arguments], clean_env(state), self._place / "other.log"
        )
        self.node.__enter__()

    def start_node(self) -> None:
        """The node comes, and is approved if it asks for that."""
        self.launch_node("Desk")
        assert self.node is not None
        found = await_value(self.here, "the node is connected", within_s=30, evidence=self.node.tail)
        if "pendingRequestId" in found:
            self.openclaw("nodes", "approve", found["pendingRequestId"])

    def await_gateway(self) -> None:
        """Until the gateway says where it listens."""
        gateway = self.gateway
        await_value(
            lambda: "ws://" in gateway.output(), "the gateway serves", within_s=30, evidence=gateway.tail
        )

    def stop_node(self) -> None:
        """The node goes, and the gateway knows it."""
        assert self.node is not None
        self.node.__exit__(None, None, None)
        self.node = None
        await_value(lambda: self.here() is None, "the node is gone", within_s=30, evidence=self.gateway.tail)

    def setup_link(self) -> str:
        """A link that pairs the browser that opens it."""
        return str(self.openclaw("dashboard", "--no-open")["url"])

    @property
    def token(self) -> str:
        """The gateway's shared secret."""
        return (self._place / "state" / "gateway-token").read_text().strip()

    @cached_property
    def node_id(self) -> str:
        """The node's id, connected or not."""
        return str(self.openclaw("nodes", "list")["paired"][0]["nodeId"])

    def _run(self, *argv: str) -> str:
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def here(self) -> dict[str, Any] | None:
        """A node that is connected, as `openclaw nodes status` tells it."""
        nodes = self.openclaw("nodes", "status")["nodes"]
        return next((node for node in nodes if node["connected"]), None)


@contextmanager
def gateway_alone(
    place: Path, nodes: Mapping[str, Any] | None = None, auth: Mapping[str, Any] | None = None
) -> Iterator[Desk]:
    """A running gateway that no node knows yet; ends it, and a node that came.

    Args:
        nodes: settings below `gateway.nodes`.
        auth: settings below `gateway.auth`.
    """
    machine = Desk(place, nodes, auth)
    with machine.gateway:
        machine.await_gateway()
        try:
            yield machine
        finally:
            if machine.node is not None:
                machine.node.__exit__(None, None, None)


@contextmanager
def desk(place: Path) -> Iterator[Desk]:
    """A running gateway with its node; ends both."""
    with gateway_alone(place) as machine:
        machine.start_node()
        yield machine
