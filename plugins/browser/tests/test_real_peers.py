"""The original's CLI drives our node's browser; the original's node answers what our models take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.interop.peers import Cli, OurGateway, OurNodeHost, RealNodeHost, our_cli, real_cli
from tests.interop.process import await_value, free_port

from .website import Site

pytestmark = [pytest.mark.families, pytest.mark.timeout(600)]
TOKEN = "browser-token-0123456789"


def approve(cli: Cli) -> str:
    """Approve the one node that waits; its name."""

    def waiting() -> Any:
        answer = cli("nodes", "pending", "--json")
        rows = answer.data if answer.code == 0 else []
        return rows.get("pending") if isinstance(rows, dict) else rows

    row = await_value(waiting, "a node that waits for approval", within_s=90)[0]
    cli.ok("nodes", "approve", row["requestId"])
    return str(row["displayName"])


def test_the_original_cli_drives_our_nodes_browser(tmp_path: Path, site: Site) -> None:
    with OurGateway(tmp_path / "gateway", free_port(), TOKEN, {}) as gateway:
        ours = our_cli(gateway.port, TOKEN, tmp_path / "ours")
        real = real_cli(gateway.port, TOKEN, tmp_path / "real")

        def browser(*args: str) -> str:
            answer = real("browser", *args, timeout_s=120)
            assert answer.code == 0, answer
            return answer.out

        with OurNodeHost(gateway.port, TOKEN, "bench", tmp_path / "node"):
            approve(ours)
            assert "label: shop" in browser("open", f"{site.url}/order", "--label", "shop")
            ref = next(line for line in browser("snapshot").splitlines() if 'textbox "User"' in line)
            browser("type", ref.partition("[ref=")[2].partition("]")[0], "ada")
            assert browser("evaluate", "--fn", "document.forms[0].user.value").strip() == '"ada"'
            picture = Path(browser("screenshot").strip())
            assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
            refused = real("browser", "create-profile", "--name", "x", timeout_s=120)
            assert (refused.code, "cannot mutate persistent browser profiles" in refused.err) == (1, True)


def test_the_original_node_passes_our_models(tmp_path: Path) -> None:
    with OurGateway(tmp_path / "gateway", free_port(), TOKEN, {}) as gateway:
        ours = our_cli(gateway.port, TOKEN, tmp_path / "ours")
        with RealNodeHost(gateway.port, TOKEN, "theirs", tmp_path / "node"):
            name = approve(ours)
            invoke = ("nodes", "invoke", "--node", name, "--command", "browser.proxy", "--params")
            for path, field in (("/", "profile"), ("/profiles", "profiles")):
                params = f'{{"path": "{path}", "errorEnvelope": "browser-v1"}}'
                payload = ours.json(*invoke, params, "--invoke-timeout", "40000", "--timeout", "50000")[
                    "payload"
                ]
                assert field in payload["result"], payload
                assert payload["route"]["status"] in ("resolved", "unavailable")
