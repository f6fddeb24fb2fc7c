"""Completion in a real bash: commands, the nodes of a real gateway, and what one of them can do."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from openclaw_core.cli.completion import complete_node

from .conftest import PATIENCE_S, Cli, Start

pytestmark = pytest.mark.anyio

SCRIPT = """
export PATH="$BIN:$PATH"
eval "$(openclaw completion bash)"
shopt -s extglob
ask() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _openclaw_completion openclaw
  echo "${COMPREPLY[*]}"
}
ask openclaw nod
ask openclaw nodes invoke --node Des
ask openclaw nodes invoke --node Desk --command demo.a
ask openclaw nodes ca
ask openclaw nodes camera snap --node De
"""


SAID = ["nodes node", "Desk", "demo.any", "cancel camera canvas", "Desk"]


async def test_bash_completes_commands_nodes_and_what_they_can_do(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    await gateway.node(["demo.any"], client={"displayName": "Desk"})
    process = await asyncio.create_subprocess_exec(
        "bash",
        "--norc",
        "-c",
        SCRIPT,
        env={**env, "BIN": str(Path(sys.executable).parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert out.decode().split("\n")[:5] == SAID, err.decode()


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
async def test_the_other_shells_get_a_script(cli: Cli, shell: str) -> None:
    shown = await cli("completion", shell)
    assert shown.code == 0, shown.err
    assert "openclaw" in shown.out


def test_without_a_gateway_nothing_is_offered_and_nothing_said(monkeypatch, tmp_path, capfd) -> None:
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("OPENCLAW_GATEWAY_PORT", "9")
    assert complete_node("") == []
    assert capfd.readouterr() == ("", "")
