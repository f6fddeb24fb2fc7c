"""Sub-commands that families add below `openclaw nodes`: found, isolated, and not paid for by others."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import NodeCall, NodeCommands
from openclaw_core.plugins import Plugins, load_plugins
from openclaw_core.testing import plugins_of

from .conftest import Result, Start
from .inprocess import run_here

pytestmark = pytest.mark.anyio


async def _view(call: NodeCall, size: Annotated[int | None, typer.Option("--size")] = None) -> None:
    """Save a picture."""
    path = call.save_media(await call.invoke("demo.any", {"size": size}), "lamp-view")
    call.show({"file": {"path": path}}, path)


async def _version(call: NodeCall) -> None:
    """What the gateway says of itself."""
    answer = await call.request("status")
    call.show(answer, "there")


async def _own_url(call: NodeCall, url: str) -> None:
    """Clashes with a flag every command has."""


class Lamp:
    @hookimpl
    def openclaw_family(self) -> Family:
        return Family("lamp", "Lamp", commands=())

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        lamp = nodes.group("lamp", "A lamp.")
        lamp.add("view", _view, saves=("png",))
        lamp.add("version", _version, for_gateway=True)


class Broken:
    """Raises, or adds what cannot be."""

    def __init__(self, name: str, *added: tuple[str, Any]) -> None:
        self.name = name
        self.added = added

    @hookimpl
    def openclaw_family(self) -> Family:
        return Family(self.name, "Broken", commands=())

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        for name, body in self.added:
            nodes.add(name, body)
        if not self.added:
            raise OSError("no library of that name")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """What is installed beside the command line, for this test."""
    broken = [Broken("boom"), Broken("clash", ("flag", _own_url)), Broken("twin", ("status", _version))]
    plugins = plugins_of(extra=[Lamp(), *broken])
    monkeypatch.setattr("openclaw_core.plugins.load_plugins", lambda: plugins)
    return plugins


async def _ask(start: Start, env: dict[str, str], *arguments: str) -> tuple[Result, Any]:
    """One command while a node gives its one answer; what the node was asked."""
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])

    async def answer() -> Any:
        asked = (await node.event("node.invoke.request"))["payload"]
        payload = {"format": "png", "base64": base64.b64encode(b"\x89pic").decode()}
        done = {"id": asked["id"], "nodeId": node_id, "ok": True, "payloadJSON": json.dumps(payload)}
        await node.call("node.invoke.result", done)
        return asked

    result, asked = await asyncio.gather(
        run_here(env, "nodes", "lamp", "view", "--node", node_id, *arguments), answer()
    )
    return result, asked


async def test_it_saves_what_the_node_answers_and_prints_where(
    start: Start, env: dict[str, str], tmp_path: Path, installed: Plugins
) -> None:
    out, saved = tmp_path / "pic", tmp_path / "pic.png"
    result, asked = await _ask(
        start, env, "--out", str(out), "--size", "7", "--invoke-timeout", "9000", "--json"
    )
    assert (result.code, result.json) == (0, {"file": {"path": str(saved)}})
    assert saved.read_bytes() == b"\x89pic"
    assert json.loads(asked["paramsJSON"]) == {"size": 7}
    assert asked["timeoutMs"] <= 9000


async def test_a_dash_gives_the_content_alone(start: Start, env: dict[str, str], installed: Plugins) -> None:
    result, _ = await _ask(start, env, "--out", "-")
    assert (result.code, result.out) == (0, "�pic")


@pytest.mark.parametrize("name", ["pic.png", "pic"])
async def test_a_file_that_is_there_is_refused_before_the_node_is_asked(
    start: Start, env: dict[str, str], tmp_path: Path, installed: Plugins, name: str
) -> None:
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    kept = tmp_path / "pic.png"
    kept.write_bytes(b"old")
    result = await run_here(env, "nodes", "lamp", "view", "--node", node_id, "--out", str(tmp_path / name))
    assert result.code == 1
    assert f"{kept} exists" in result.err
    assert kept.read_bytes() == b"old"
    assert len(gateway.server.gateway.runtime.invokes) == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_a_failure_begins_with_the_words_that_were_typed(
    start: Start, env: dict[str, str], installed: Plugins, form: tuple[str, ...]
) -> None:
    gateway = await start()
    await gateway.node(["demo.any"])
    result = await run_here(env, "nodes", "lamp", "view", "--node", "nobody", *form)
    assert result.code == 1
    said = "unknown node: nobody (known: Test Node)"
    assert f"\nnodes lamp view failed: {said}\n" in result.err
    if form:
        assert result.json["error"]["message"] == said


async def test_one_about_the_gateway_names_no_node(
    start: Start, env: dict[str, str], installed: Plugins
) -> None:
    await start()
    result = await run_here(env, "nodes", "lamp", "version")
    assert (result.code, result.out) == (0, "there\n")


async def test_broken_families_are_one_line_each_and_break_nothing(
    env: dict[str, str], installed: Plugins
) -> None:
    result = await run_here(env, "nodes", "--help")
    assert result.code == 0
    assert " lamp " in result.out
    assert "flag" not in result.out
    said = result.err.splitlines()
    assert [line.split()[1] for line in said] == ["boom", "clash", "twin"]
    assert "no library of that name" in said[0]
    assert "url" in said[1]
    assert "status is there already" in said[2]


async def test_a_slip_is_met_with_the_nearest(env: dict[str, str], installed: Plugins) -> None:
    result = await run_here(env, "nodes", "lmap")
    assert result.code == 2
    assert "'lamp'" in result.err


@pytest.mark.parametrize("arguments", [["nodes", "status"], ["nodes", "status", "--help"]])
def test_the_core_s_own_wait_for_no_family(arguments: list[str], env: dict[str, str]) -> None:
    program = (
        "import sys\nfrom openclaw_core.cli import main\nsys.argv[1:] = " + repr(arguments) + "\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(name for name in sys.modules if name.startswith(('openclaw_', 'stevedore'))"
        " and not name.startswith('openclaw_core')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**env, "OPENCLAW_GATEWAY_PORT": "1"}, capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_those_of_every_installed_family_can_be_built(env: dict[str, str]) -> None:
    from openclaw_core.cli import build_app

    app = typer.main.get_command(build_app("nodes"))
    nodes: Any = app.commands["nodes"]  # type: ignore[attr-defined]
    own = set(nodes.commands)
    added = set(nodes.list_commands(None)) - own
    assert len(load_plugins().implementers("openclaw_cli")) == 7
    assert added == {"browser", "camera", "canvas", "location", "notify", "screen", "speak", "voicewake"}
