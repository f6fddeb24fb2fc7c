"""`openclaw up`: one process, a gateway, an approved node, and the next command to type."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from openclaw_core.cli.children import Child, run_once
from openclaw_core.cli.up import console_command, next_command
from openclaw_core.control_ui import is_built

from .conftest import PATIENCE_S, spawn

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(150)]


class _Up:
    """A running `openclaw up`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def next_command(self) -> str:
        """The command it prints at the end of its start."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while not (self.lines and self.lines[-1].startswith("Next,")):
                line = (await self.process.stdout.readline()).decode()
                assert line, self.lines
                self.lines.append(line.rstrip())
            return (await self.process.stdout.readline()).decode().strip()

    async def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()


async def _start(env: dict[str, str]) -> _Up:
    return _Up(await spawn(("up", "--port", "0", "--display-name", "Up Box"), env))


async def test_the_printed_command_works_and_the_second_start_asks_nothing(env: dict[str, str]) -> None:
    up = await _start(env)
    command = await up.next_command()
    assert any(line.startswith("Approved this machine's own node for: ") for line in up.lines)
    shell = await asyncio.create_subprocess_shell(command, env=env, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await shell.communicate()
    assert shell.returncode == 0, command
    assert b'"ok": true' in out or b"Up Box" in out

    rival = await spawn(("up", "--port", "0"), env)
    async with asyncio.timeout(PATIENCE_S):
        _, err = await rival.communicate()
    assert rival.returncode == 1
    assert b"another gateway (pid " in err
    assert b"openclaw gateway status" in err
    code, _ = await up.end(signal.SIGTERM)
    assert code == 0

    again = await _start(env)
    await again.next_command()
    assert again.lines[0] == "Node Up Box is connected and approved."
    assert again.lines[1].startswith(
        "Control UI: http://127.0.0.1:" if is_built() else "The Control UI is not built"
    )
    assert not any("Approved" in line for line in again.lines)
    code, _ = await again.end(signal.SIGINT)
    assert code == 0


async def test_a_taken_port_is_said(env: dict[str, str]) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        process = await spawn(("up", "--port", str(port)), env)
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert f"cannot listen on 127.0.0.1:{port}" in err.decode()
    assert f"openclaw up --port {port + 1}" in err.decode()


async def test_a_child_speaks_under_its_label_and_its_end_is_known(
    env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    child = await Child.start("x", ["--version"], env, heard.append)
    assert await asyncio.wait_for(child.exited, PATIENCE_S) == 0
    failing = await Child.start("y", ["bogus"], env)
    assert await asyncio.wait_for(failing.exited, PATIENCE_S) == 2
    await failing.stop()  # already gone
    assert heard[0].startswith("openclaw-core ")
    assert "x | openclaw-core " in capsys.readouterr().err
    assert any("bogus" in line for line in failing.last_words)


async def test_run_once(env: dict[str, str]) -> None:
    code, out, err = await run_once(["node", "identity", "--json"], env)
    assert (code, err) == (0, "")
    assert '"deviceId"' in out


def test_without_a_known_example_the_next_command_describes() -> None:
    command = next_command({"nodeId": "a" * 64, "displayName": "My Box", "commands": ["no.such"]}, ["X=1"])
    assert command.startswith("X=1 ")
    assert command.endswith(" nodes describe --node 'My Box'")


def test_the_program_as_one_can_type_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / ".venv" / "bin" / "openclaw"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.defpath)
    assert console_command() == [".venv/bin/openclaw"]
    monkeypatch.chdir(script.parent)
    monkeypatch.setenv("PATH", str(script.parent))
    assert console_command() == ["openclaw"]
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", os.defpath)
    assert console_command() == [str(script).removeprefix("/")]
