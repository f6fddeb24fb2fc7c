"""The real OpenClaw programs from the npm registry, and ours, as things a test can start and ask.

`ensure_peers()` installs the real ones once, into `.interop` of the checkout or OPENCLAW_INTEROP_DIR.
Every program gets a state directory of its own; nothing of the person's own OpenClaw is touched.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .process import Program, await_value, clean_env

__all__ = [
    "OURS",
    "Answer",
    "Cli",
    "Gateway",
    "NodeHost",
    "OurGateway",
    "OurNodeHost",
    "Peers",
    "RealConnect",
    "RealGateway",
    "RealNodeHost",
    "any_certificate",
    "configured_cli",
    "ensure_peers",
    "our_cli",
    "peers_are_installed",
    "real_cli",
]  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}
RUNTIME = f"node-{platform.system().lower()}-{MACHINES.get(platform.machine(), platform.machine())}"
PACKAGES = ("openclaw@2026.9.6", f"{RUNTIME}@24", "@openclaw/gateway-protocol@2026.9.1")
MARKER = "complete.json"
OURS = (sys.executable, "-m", "openclaw_core")

Json = dict[str, Any]


@dataclass(frozen=True)
class Peers:
    """Where the real programs are: the node runtime, the CLI entry, the published schema."""

    node: Path
    entry: Path
    schema: Path

    @property
    def argv(self) -> tuple[str, ...]:
        return (str(self.node), str(self.entry))


@cache
def ensure_peers() -> Peers:
    """The installed real programs; installs them when that was not completed before.

    Safe with several test processes: the first one installs, the others wait. Raises RuntimeError
    with npm's own words when the installation fails.
    """
    home = interop_home()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_complete(home):
            install(home)
    modules = home / "node_modules"
    protocol = modules / "@openclaw" / "gateway-protocol" / "protocol.schema.json"
    return Peers(modules / RUNTIME / "bin" / "node", modules / "openclaw" / "openclaw.mjs", protocol)


def interop_home() -> Path:
    """Where they are installed: OPENCLAW_INTEROP_DIR, else `.interop` of the checkout."""
    return Path(os.environ.get("OPENCLAW_INTEROP_DIR") or ROOT / ".interop").resolve()


def peers_are_installed() -> bool:
    """True when `ensure_peers` would find them and download nothing."""
    return is_complete(interop_home())


def is_complete(home: Path) -> bool:
    """True when exactly these packages were installed to the end before."""
    marker = home / MARKER
    return marker.exists() and json.loads(marker.read_text()) == list(PACKAGES)


def install(home: Path) -> None:
    """Install the packages without running any script of theirs, then leave the marker."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not on PATH; install Node.js and its npm to run the interop suite")
    (home / "package.json").write_text(json.dumps({"name": "interop-peers", "private": True}))
    argv = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", *PACKAGES]
    done = subprocess.run(argv, cwd=home, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"npm could not install {' '.join(PACKAGES)} into {home}:\n{done.stderr[-3000:]}")
    (home / MARKER).write_text(json.dumps(list(PACKAGES)))


def any_certificate() -> ssl.SSLContext:
    """A context that trusts whoever answers; which certificate it is, the programs under test check."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def answers(url: str) -> bool:
    """True when `GET url` is answered 200."""
    try:
        with urllib.request.urlopen(url, timeout=2, context=any_certificate()) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Gateway(Program):
    """A gateway process of either make. `config` holds the `gateway.*` keys that differ from the defaults."""

    boot_s = 240.0
    probe = "/health"

    def __init__(
        self, state_dir: Path, port: int, token: str, config: Mapping[str, Any] | None = None
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        auth = {"mode": "token", "token": token}
        settings = {"mode": "local", "port": port, "bind": "loopback", "auth": auth, **(config or {})}
        (state_dir / "openclaw.json").write_text(json.dumps(self.complete(settings)))
        command = (*self.make(), "gateway", "run", "--port", str(port))
        super().__init__(command, clean_env(state_dir), state_dir / "gateway.log")
        self.port, self.token, self.state_dir = port, token, state_dir
        self.scheme = "https" if settings.get("tls") else "http"
        self.address = f"{'wss' if settings.get('tls') else 'ws'}://127.0.0.1:{port}"

    def make(self) -> tuple[str, ...]:
        """The words that start this make's CLI."""
        raise LookupError(f"{type(self).__name__} is of no make; start OurGateway or RealGateway")

    def complete(self, settings: Json) -> Json:
        """The whole config file around the `gateway` section."""
        return {"gateway": settings}

    def start(self) -> None:
        """Start it and wait until `probe` answers, at most `boot_s` seconds."""
        super().start()
        await_value(
            self._serves, f"{self.probe} on port {self.port}", within_s=self.boot_s, evidence=self.tail
        )

    def _serves(self) -> bool:
        if not self.alive:
            raise AssertionError(f"the gateway ended while starting\n{self.tail()}")
        return answers(f"{self.scheme}://127.0.0.1:{self.port}{self.probe}")


class RealGateway(Gateway):
    """The original gateway, without its bundled plugins: core against core.

    It answers /health before it lets anybody in, so /readyz is what to wait for. On a machine that is
    busy it may end its own start after five seconds without a sign from one of its threads; then it is
    started again.
    """

    probe = "/readyz"
    gave_up = "did not become ready"

    def start(self) -> None:
        """Start it, again while it gives up by itself, at most three times."""
        for _ in range(2):
            said = len(self.output())
            try:
                return super().start()
            except AssertionError:
                if self.alive or self.gave_up not in self.output()[said:]:
                    raise
        return super().start()

    def make(self) -> tuple[str, ...]:
        return ensure_peers().argv

    def complete(self, settings: Json) -> Json:
        return {"gateway": settings, "plugins": {"enabled": False}}


class OurGateway(Gateway):
    """This project's gateway."""

    boot_s = 60.0

    def make(self) -> tuple[str, ...]:
        return OURS


class NodeHost(Program):
    """A headless node of either make, started as a person would.

    Args:
        port: of the gateway on 127.0.0.1; None when a setup code among `words` names it.
        token: the gateway's, by environment; None when the node has none.
        name: what it calls itself; None for the machine's name.
        words: further words of the command line.
        password: the gateway's, by environment.
    """

    verb: tuple[str, ...] = ("node", "run")

    def __init__(
        self, port: int | None, token: str | None, name: str | None, state_dir: Path, *words: str,
        password: str | None = None,
    ) -> None:  # fmt: skip
        state_dir.mkdir(parents=True, exist_ok=True)
        there = ("--host", "127.0.0.1", "--port", str(port)) if port else ()
        named = ("--display-name", name) if name else ()
        secrets = {"OPENCLAW_GATEWAY_TOKEN": token, "OPENCLAW_GATEWAY_PASSWORD": password}
        env = clean_env(state_dir, {key: value for key, value in secrets.items() if value})
        command = (*self.make(), *self.verb, *words, *there, *named)
        super().__init__(command, env, state_dir / "node.log")

    def make(self) -> tuple[str, ...]:
        """The words that start this make's CLI."""
        raise LookupError(f"{type(self).__name__} is of no make; start OurNodeHost or RealNodeHost")


class RealNodeHost(NodeHost):
    """The original `openclaw node run`."""

    def make(self) -> tuple[str, ...]:
        return ensure_peers().argv


class RealConnect(RealNodeHost):
    """The original `openclaw connect <code or join link>`: the one command a person pastes."""

    verb = ("connect",)


class OurNodeHost(NodeHost):
    """This project's `openclaw node run`."""

    def make(self) -> tuple[str, ...]:
        return OURS


@dataclass(frozen=True)
class Answer:
    """What one CLI call printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output read as JSON. Raises AssertionError quoting the output when it is not."""
        try:
            return json.loads(self.out)
        except ValueError as problem:
            raise AssertionError(f"no JSON on standard output ({problem}):\n{self}") from problem


@dataclass(frozen=True)
class Cli:
    """One make of the CLI aimed at one gateway; `cli("nodes", "list")` is one process.

    The gateway is given by `--url` and `--token` (`flags`) on every call, or by `env`.
    """

    argv: tuple[str, ...]
    state_dir: Path
    flags: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *args: str, timeout_s: float = 180) -> Answer:
        """Run one command; any exit code is an answer."""
        argv = [*self.argv, *args, *self.flags]
        env = clean_env(self.state_dir, {"COLUMNS": "200", **self.env})
        done = subprocess.run(
            argv, env=env, cwd=env["HOME"], capture_output=True, text=True, timeout=timeout_s,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def ok(self, *args: str) -> str:
        """Run one command that must succeed; its standard output."""
        answer = self(*args)
        assert answer.code == 0, f"{' '.join(args)} failed: {answer}"
        return answer.out

    def json(self, *args: str) -> Any:
        """Run one command with --json that must succeed; the parsed answer."""
        answer = self(*args, "--json")
        assert answer.code == 0, f"{' '.join(args)} --json failed: {answer}"
        return answer.data


def aim(port: int, token: str) -> tuple[str, ...]:
    return ("--url", f"ws://127.0.0.1:{port}", "--token", token)


def real_cli(port: int, token: str, state_dir: Path) -> Cli:
    """The original CLI aimed at the gateway on that port."""
    return Cli(ensure_peers().argv, state_dir, aim(port, token))


def our_cli(port: int, token: str, state_dir: Path) -> Cli:
    """This project's CLI aimed at the gateway on that port."""
    return Cli(OURS, state_dir, aim(port, token))


def configured_cli(argv: tuple[str, ...], state_dir: Path, gateway: Mapping[str, Any]) -> Cli:
    """A CLI without any flag, whose configuration file says where the gateway is and with which secret."""
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / "openclaw.json").write_text(json.dumps({"gateway": gateway}))
    return Cli(argv, state_dir, ())
