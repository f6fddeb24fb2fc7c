"""A gateway, a node host as a process of its own, synthesised voices, and a sound server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import miniaudio
import pytest
from openclaw_voice import Voice

from openclaw_core.testing import TOKEN, TestGateway, Wire, plugins_of

WAIT_S = 120.0


@dataclass
class Desk:
    """A node host process, approved, and an operator who watches.

    `cli` runs our CLI against the gateway and gives what it printed as JSON.
    """

    gateway: TestGateway
    operator: Wire
    node_id: str
    environment: dict[str, str]

    async def heard(self, event: str, match: Callable[[Any], bool] = lambda _: True) -> Any:
        """The payload of the next event of a name."""
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    return (await self.operator.event(event, match))["payload"]
                except TimeoutError:
                    continue  # a synthesiser, a recognizer and the test share this machine

    async def cli(self, *words: str) -> Any:
        code, out, errors = await self.try_cli(*words)
        assert code == 0, errors
        return json.loads(out)

    async def try_cli(self, *words: str) -> tuple[int | None, str, str]:
        """Exit code, stdout and stderr of our CLI."""
        process = await self.start_cli(*words)
        async with asyncio.timeout(WAIT_S):
            out, errors = await process.communicate()
        return process.returncode, out.decode(), errors.decode()

    async def start_cli(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "openclaw_core", *words),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A suite that runs in the background passes on an ignored Ctrl-C.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    async def invoke(self, command: str, **params: Any) -> Any:
        """The node's answer to `openclaw nodes invoke`."""
        return (await self.cli(*self.invocation(command, params)))["payload"]

    def invocation(self, command: str, params: dict[str, Any]) -> tuple[str, ...]:
        flags = ("--invoke-timeout", "100000", "--timeout", "110000", "--json")
        endpoint = ("--url", self.gateway.url, "--token", TOKEN)
        named = ("--node", "Desk", "--command", command, "--params", json.dumps(params))
        return ("nodes", "invoke", *named, *flags, *endpoint)


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Any]:
    """Starts a node host process with settings of the family; use it as a context manager."""

    @asynccontextmanager
    async def start(settings: dict[str, Any], **environment: str) -> AsyncIterator[Desk]:
        state = tmp_path / "node"
        state.mkdir()
        config = {"plugins": {"entries": {"voice": {"config": settings}}}}
        (state / "openclaw.json").write_text(json.dumps(config))
        own = {name: text for name, text in os.environ.items() if not name.startswith("OPENCLAW_")}
        own |= {"HOME": str(tmp_path), "OPENCLAW_STATE_DIR": str(state), **environment}
        async with TestGateway(tmp_path / "gateway", plugins_of(extra=[Voice()])) as gateway:
            operator = await gateway.operator()
            port = gateway.url.rpartition(":")[2]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "openclaw_core", "node", "run", "--display-name", "Desk"),
                *("--host", "127.0.0.1", "--port", port, "--token", TOKEN),
                env=own,
            )
            try:
                waiting = Desk(gateway, operator, "", own)
                request = await waiting.heard("node.pair.requested")
                await gateway.approve_surface(request["nodeId"])
                yield Desk(gateway, operator, request["nodeId"], own)
            finally:
                process.terminate()
                async with asyncio.timeout(WAIT_S):
                    assert await process.wait() == 0

    return start


def flite(text: str, voice: str, path: Path) -> None:
    """A text in one of flite's voices, which are made of recorded speech, as a WAV file."""
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)


@pytest.fixture
def voiced(tmp_path: Path) -> Callable[..., bytes]:
    """PCM of a text, with silence around it."""

    def speak(text: str, voice: str = "slt") -> bytes:
        path = tmp_path / "spoken.wav"
        flite(text, voice, path)
        spoken = miniaudio.decode_file(str(path), nchannels=1, sample_rate=16_000).samples
        return bytes(16_000) + bytes(spoken) + bytes(32_000)

    return speak


@dataclass
class Room:
    """A sound server whose loudspeaker is heard by its microphone. `server` is for PULSE_SERVER."""

    server: str
    directory: Path

    def play(self, text: str, voice: str = "slt") -> None:
        """Say it into the room; returns when it was said."""
        path = self.directory / "said.wav"
        flite(text, voice, path)
        subprocess.run(["paplay", "--server", self.server, "--device", "room", str(path)], check=True)

    def listeners(self) -> list[str]:
        """Programs that have a microphone open now."""
        return self._programs("source-outputs")

    def speakers(self) -> list[str]:
        """Programs that play sound now."""
        return self._programs("sink-inputs")

    def _programs(self, kind: str) -> list[str]:
        done = subprocess.run(
            ["pactl", "--server", self.server, "list", kind],
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.strip() for line in done.stdout.splitlines() if "application.name" in line]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """PulseAudio with a sink that nobody hears but its own microphone."""
    directory = tmp_path / "sound"
    directory.mkdir(mode=0o700)
    socket = directory / "server"
    modules = (
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
        "module-null-sink sink_name=room",
        "module-remap-source master=room.monitor source_name=mic source_properties=device.description=Desk",
    )
    flags = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr")
    environment = {**os.environ, "HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
    server = subprocess.Popen(
        ["pulseaudio", *flags, "-v", *(f"--load={module}" for module in modules)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready = threading.Event()

    def read_log() -> None:  # to its end: a full pipe would stop the server
        for line in server.stderr or ():
            if "Daemon startup complete" in line:
                ready.set()

    reader = threading.Thread(target=read_log)
    reader.start()
    try:
        assert ready.wait(30), "the sound server did not start"
        made = Room(f"unix:{socket}", directory)
        subprocess.run(["pactl", "--server", made.server, "set-default-source", "mic"], check=True)
        yield made
    finally:
        server.terminate()
        server.wait(30)
        reader.join(30)
        if server.stderr is not None:
            server.stderr.close()
