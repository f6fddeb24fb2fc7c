"""`openclaw audit`: filters, following, and `verify` on a state directory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openclaw_core.cli import build_app
from openclaw_core.testing import TestGateway

from .conftest import PATIENCE_S, Start, spawn
from .inprocess import run_here

pytestmark = pytest.mark.anyio


def _state(gateway: TestGateway) -> dict[str, str]:
    return {"OPENCLAW_STATE_DIR": str(gateway.settings.state_dir)}


async def test_a_table_and_its_filters(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    result = await run_here(env, "audit", "--kind", "surface", "--subject", node_id[:12], "--since", "1h")
    assert result.code == 0, result.err
    header, *lines = result.out.splitlines()
    assert header.split()[:5] == ["Row", "Time", "(UTC)", "Outcome", "Kind"]
    assert [line.split()[4] for line in lines] == ["surface.request", "surface.approve"]
    assert node_id in lines[-1]
    report = (
        await run_here(env, "audit", "--outcome", "ok", "--actor", node_id, "--limit", "1", "--json")
    ).json
    assert [event["kind"] for event in report["events"]] == ["connect"]
    assert report["nextBeforeId"] == report["events"][0]["id"]
    nothing = await run_here(env, "audit", "--kind", "nothing.like.this")
    assert nothing.out == "No audit entries match.\n"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--outcome", "maybe", "ok, refused, failed"),
        ("--since", "yesterday", "24h"),
        ("--limit", "0", "limit"),
    ],
)
async def test_wrong_filters_are_usage_errors(option: str, value: str, words: str) -> None:
    result = CliRunner().invoke(build_app("audit"), ["audit", option, value])
    assert result.exit_code == 2
    assert words in result.output


async def test_follow_prints_what_happens_next(start: Start, env: dict[str, str]) -> None:
    gateway = await start()
    process = await spawn(("audit", "--follow", "--json", "--kind", "test", "--limit", "2"), env)
    audit = gateway.server.gateway.runtime.audit
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            seen: list[str] = []
            for subject in ("one", "two", "three"):
                audit.note("test.event", "rule:test", subject)
                line = await process.stdout.readline()
                seen.append(json.loads(line)["subject"])
        assert seen == ["one", "two", "three"]
    finally:
        process.terminate()
        await process.wait()


async def test_verify_without_a_trail_says_what_to_do(env: dict[str, str], tmp_path: Path) -> None:
    result = await run_here(env, "audit", "verify", OPENCLAW_STATE_DIR=str(tmp_path / "nothing"))
    assert result.code == 1
    assert "no audit key" in result.err
    assert "OPENCLAW_STATE_DIR=DIR openclaw audit verify" in result.err
