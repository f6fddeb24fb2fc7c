"""Getting back in on the gateway's own machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from openclaw_core.cli import build_app
from openclaw_core.gateway.lock import StateLock
from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import FakeClock, FakeDevice, TestGateway, node_params, plugins_of

from .conftest import DEMO

pytestmark = pytest.mark.anyio

BY_HAND = {"nodes.pairing.autoApproveLocal": False}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path))
    for name in ("OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "OPENCLAW_CONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def openclaw(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(build_app(arguments[0]), list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_new_shared_token(state: Path) -> None:
    token = state / "gateway-token"
    assert "makes one" in openclaw("gateway", "recover")[1]
    assert not token.exists()
    token.write_text("old\n")
    assert openclaw("gateway", "recover")[1].startswith(f"The shared token is in {token}\n")
    assert token.read_text() == "old\n", "looking changes nothing"
    code, out, _ = openclaw("gateway", "recover", "--new-token")
    new = token.read_text().strip()
    assert code == 0
    assert len(new) == 43
    assert token.stat().st_mode & 0o777 == 0o600
    assert new not in out, "a secret stays out of the terminal's history"
    assert "restarted" not in out


def test_a_running_gateway_keeps_the_old_one(state: Path) -> None:
    with StateLock(state):
        _, out, _ = openclaw("gateway", "recover", "--new-token")
    assert "keeps the old token until it is restarted" in out


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('{gateway:{auth:{token:"t"}}}', "gateway.auth.token"),
        ('{gateway:{auth:{mode:"password",password:"p"}}}', "there is no shared token"),
    ],
)
def test_a_secret_that_is_elsewhere(state: Path, config: str, words: str) -> None:
    (state / "openclaw.json").write_text(config)
    code, _, err = openclaw("gateway", "recover", "--new-token")
    assert code == 1
    assert words in err
    assert "openclaw.json" in err
    assert not (state / "gateway-token").exists()


async def leave_request(state: Path, device: FakeDevice, clock: FakeClock) -> str:
    """A device that knocked while the gateway ran; the gateway is stopped again."""
    async with TestGateway(state, plugins_of(DEMO), BY_HAND, now_ms=clock) as gateway:
        wire = await gateway.wire()
        answer = await wire.connect(node_params(["demo.any"]), device)
        return str(answer["error"]["details"]["requestId"])


async def test_approving_while_the_gateway_is_stopped(state: Path) -> None:
    from anyio.to_thread import run_sync

    device, clock = FakeDevice(), FakeClock()
    clock.advance(-3_600_000)  # nobody answered in time, as nobody could
    request_id = await leave_request(state, device, clock)
    code, out, _ = await run_sync(openclaw, "devices", "recover")
    assert code == 0
    assert request_id in out
    code, _, err = await run_sync(openclaw, "devices", "recover", "wrong")
    assert code == 1
    assert err.splitlines()[-1].endswith("openclaw devices recover")
    code, out, _ = await run_sync(openclaw, "devices", "recover", request_id)
    assert (code, out.splitlines()[0]) == (0, f"Approved {device.device_id} ({request_id})")
    async with TestGateway(state, plugins_of(DEMO), BY_HAND) as gateway:
        wire = await gateway.wire()
        assert (await wire.connect(node_params(["demo.any"]), device))["ok"]
        trail = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert ("device.approve", "client:recovery") in [(row.kind, row.actor) for row in trail]


async def test_with_its_surface(state: Path) -> None:
    from anyio.to_thread import run_sync

    device = FakeDevice()
    request_id = await leave_request(state, device, FakeClock())
    code, _, err = await run_sync(openclaw, "devices", "recover", request_id, "--surface")
    assert code == 0, err
    async with TestGateway(state, plugins_of(DEMO), BY_HAND) as gateway:
        assert gateway.server.gateway.runtime.registry.surfaces[device.device_id].approved_at_ms


def test_not_behind_the_back_of_a_running_gateway(state: Path) -> None:
    with StateLock(state):
        code, _, err = openclaw("devices", "recover")
    assert code == 1
    assert "another gateway" in err
