"""`openclaw onboard` as a person runs it: the real program, an empty home, real processes."""

from __future__ import annotations

import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import json5
import pytest

from .conftest import Cli
from .inprocess import run_here
from .terminal import Terminal

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(150)]

IN_BACKGROUND = ("--no-install-service",)
BY_HAND = "{\n  // the key of another program\n  tools: {},\n}\n"


@pytest.fixture
def home(env: dict[str, str]) -> Path:
    """An empty home, without any variable that leads elsewhere."""
    del env["OPENCLAW_STATE_DIR"]
    place = Path(env["HOME"])
    place.mkdir()
    env["XDG_CONFIG_HOME"] = str(place / ".config")
    return place


@pytest.fixture
async def used_home(home: Path, env: dict[str, str]) -> AsyncIterator[Path]:
    """The same; whatever was started in it is ended."""
    yield home
    for kind in ("node", "gateway"):
        await run_here(env, kind, "stop")


@pytest.fixture
def ports() -> Iterator[list[str]]:
    """Two ports that nobody else is given: bound here, and free for whoever listens on them by name."""
    with ExitStack() as stack:
        bound = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in bound:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield [str(each.getsockname()[1]) for each in bound]


def facts(state: Path) -> dict[str, bytes]:
    """What a second run must not change."""
    names = ("openclaw.json", "gateway-token", "run/gateway.pid", "run/node.pid", "node/identity.json")
    return {name: (state / name).read_bytes() for name in names}


def left_in(home: Path) -> list[Path]:
    """Every file."""
    return [path for path in home.rglob("*") if path.is_file()]


async def test_yes_in_an_empty_home_and_again(
    used_home: Path, ports: list[str], cli: Cli, env: dict[str, str]
) -> None:
    state = used_home / ".openclaw"
    first = await cli("onboard", "--yes", "--port", ports[0], *IN_BACKGROUND)
    assert first.code == 0, first.err
    assert "done  node " in first.out
    assert "done  invoked " in first.out
    assert (state / "gateway-token").read_text("utf-8").strip() not in first.out
    config = json5.loads((state / "openclaw.json").read_text("utf-8"))["gateway"]
    assert (config["bind"], config["auth"], config["tls"]) == (
        "loopback",
        {"mode": "token"},
        {"enabled": False},
    )
    for path in (state, *state.glob("run/*"), *state.glob("logs/*"), state / "openclaw.json"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    before = facts(state)

    second = await cli("onboard", "--yes", "--json", *IN_BACKGROUND)
    assert second.code == 0, second.err
    assert second.json["changed"] == []
    assert "Everything is in place; nothing was changed." in second.err
    assert facts(state) == before

    report = await run_here(env, "gateway", "status", "--json")
    assert report.json["nodes"] == {"known": 1, "paired": 1, "connected": 1, "pending": 0}
    assert report.json["service"] == second.json["gateway"]["service"]
    assert report.json["service"]["manager"] == "background"
    node = await run_here(env, "node", "status")
    assert "It said last: ready: connected" in node.out
    moved = await cli("onboard", "--yes", "--json", "--port", ports[1], *IN_BACKGROUND)
    assert moved.code == 0, moved.err
    assert len(moved.json["changed"]) == 4, "written, both started anew, and tried"
    assert moved.json["gateway"]["url"] != second.json["gateway"]["url"]
    assert moved.json["node"]["nodeId"] == second.json["node"]["nodeId"]
    for kind in ("node", "gateway"):
        assert (await run_here(env, kind, "stop")).out == f"Stopped the {kind}\n"
    assert (await run_here(env, "gateway", "status")).code == 3


async def test_an_interview_at_a_terminal(used_home: Path, ports: list[str], env: dict[str, str]) -> None:
    state = used_home / ".openclaw"
    state.mkdir(mode=0o700)
    (state / "openclaw.json").write_text(BY_HAND, "utf-8")
    # The space after a hidden question is printed once the terminal hides what is typed.
    terminal = await Terminal.open("onboard", "--port", ports[0], *IN_BACKGROUND, env=env)
    await terminal.answer("listen?", "everywhere")
    await terminal.answer("'everywhere' is neither loopback nor lan\r\nWhere", "")
    await terminal.answer("prove themselves?", "password")
    await terminal.answer("Password of the gateway: ", "short")
    await terminal.answer("Repeat for confirmation: ", "short")
    await terminal.read_until("5 characters are guessed too soon: take 8 or more")
    await terminal.answer("Password of the gateway: ", "a good password")
    await terminal.answer("Repeat for confirmation: ", "a good password")
    await terminal.answer("Encrypt with TLS", "n")
    await terminal.answer("Pair this machine as a node?", "y")
    assert await terminal.end() == 0, terminal.seen
    assert "done  invoked " in terminal.seen
    assert "openclaw onboard --bind lan --tls" in terminal.seen, "why no phone can join yet"
    assert "a good password" not in terminal.seen
    text = (state / "openclaw.json").read_text("utf-8")
    assert "// the key of another program" in text
    assert json5.loads(text)["gateway"]["auth"] == {"mode": "password", "password": "a good password"}
    assert (state / "openclaw.json").stat().st_mode & 0o077 == 0


async def test_ctrl_c_at_a_question_leaves_nothing_half_done(used_home: Path, env: dict[str, str]) -> None:
    terminal = await Terminal.open("onboard", *IN_BACKGROUND, env=env)
    await terminal.answer("listen?", "lan")
    await terminal.interrupt_at("prove themselves?")
    assert await terminal.end() == 130, terminal.seen
    assert terminal.seen.endswith("Interrupted; to go on from here: openclaw onboard\r\n")
    assert left_in(used_home) == []


@pytest.mark.parametrize(
    ("arguments", "said", "cure"),
    [
        (("--yes", "--bind", "nowhere"), "'nowhere' is neither", "openclaw onboard --help"),
        (("--yes", "--bind", "192.0.2.1"), "at 192.0.2.1 alone", "openclaw onboard --help"),
        (("--yes", "--bind", "lan", "--auth", "none"), "without authentication", "openclaw onboard --help"),
        (("--yes", "--auth", "magic"), "'magic' is none of", "openclaw onboard --help"),
        (("--yes", "--auth", "password"), "--yes cannot answer: Password", "--yes --auth password"),
        ((), "no terminal to ask", "openclaw onboard --yes"),
        (("--json",), "--json asks no questions", "openclaw onboard --yes"),
    ],
)
async def test_what_cannot_be_is_said_before_anything_is_done(
    arguments: tuple[str, ...], said: str, cure: str, home: Path, env: dict[str, str]
) -> None:
    refused = await run_here(env, "onboard", *arguments)
    assert refused.code == 2
    assert said in refused.err
    assert refused.err.rstrip().endswith(cure)
    assert not (home / ".openclaw").exists()
