"""A machine with all a node's families work with: a screen, notifications, speech, a page to browse."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.interop.process import Program, await_value, clean_env, free_port

__all__ = ["Machine", "machine"]

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "plugins" / "voice" / "tests" / "speech" / "good-morning-everybody.wav"
MCP_SERVER = ROOT / "plugins" / "host_commands" / "tests" / "notes_server.py"
# Dangerous ones, and those that a Linux node needs the operator's word for (9.2, 9.3).
ALLOWED = [
    "camera.snap", "camera.clip", "screen.record", "device.info", "device.status", "device.health",
]  # fmt: skip
PAGE = b"<title>Form</title><h1>Hello</h1><input type=file id=f aria-label=Choose><p id=p>none</p>"


class Machine:
    """A gateway and a node of this machine; `ask` is a person at the CLI."""

    def __init__(self, env: dict[str, str], page: str) -> None:
        self.env = env
        self.page = page

    def ask(self, command: str, params: dict[str, Any] | None = None) -> Any:
        """`openclaw nodes invoke`; the payload."""
        answer = self.openclaw(
            "nodes", "invoke", "--node", "desk", "--command", command, "--params", json.dumps(params or {}),
            "--invoke-timeout", "60000", "--timeout", "90000",
        )  # fmt: skip
        return answer["payload"]

    def openclaw(self, *arguments: str) -> Any:
        done = self.run(sys.executable, "-m", "openclaw_core", *arguments, "--json")
        return json.loads(done)

    def run(self, *argv: str) -> str:
        done = subprocess.run(
            argv, env=self.env, cwd=self.env["HOME"], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout


@contextmanager
def machine(place: Path) -> Iterator[Machine]:
    """Start everything; ends it all."""
    state = place / "state"
    state.mkdir()
    with _display() as display, _bus(state, display) as bus, _page() as page:
        env = clean_env(state, {"DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": bus})
        env["OPENCLAW_GATEWAY_PORT"] = str(free_port())
        (state / "openclaw.json").write_text(json.dumps(_settings()))
        argv = [sys.executable, "-m", "openclaw_core", "up", "--display-name", "desk"]
        with Program(argv, env, place / "up.log") as up:
            await_value(lambda: "Next, in another terminal" in up.output(), "it is up", evidence=up.tail)
            yield Machine(env, page)


def _settings() -> dict[str, Any]:
    notes = {"command": sys.executable, "args": [str(MCP_SERVER)]}
    configs = {
        "camera": {"synthetic": True},
        "location": {"fixed": {"lat": 48.2, "lon": 16.37, "accuracyMeters": 5}},
        "voice": {"input": {"path": str(SPEECH)}},
        "host_commands": {"mcp": {"servers": {"notes": notes}}},
    }
    entries = {name: {"config": config} for name, config in configs.items()}
    return {"gateway": {"nodes": {"commands": {"allow": ALLOWED}}}, "plugins": {"entries": entries}}


@contextmanager
def _display() -> Iterator[str]:
    """An X server on a free display, all green."""
    reader, writer = os.pipe()
    argv = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "640x480x24", "-noreset"]
    server = subprocess.Popen(argv, pass_fds=(writer,), stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            assert select.select([pipe], [], [], 30)[0], "Xvfb did not start in time"
            display = f":{pipe.readline().decode().strip()}"
        subprocess.run(["xsetroot", "-display", display, "-solid", "green"], check=True, timeout=30)
        yield display
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def _bus(state: Path, display: str) -> Iterator[str]:
    """A session bus; it starts a real notification service when somebody notifies."""
    argv = shlex.split("dbus-daemon --session --nofork --print-address")
    env = {**clean_env(state), "DISPLAY": display}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            yield daemon.stdout.readline().strip()
        finally:
            daemon.terminate()


@contextmanager
def _page() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
