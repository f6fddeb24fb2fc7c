"""A third party's family from pip install to audited and gone again, by real processes (issue 4, show 3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.environments import Environment
from tests.interop.process import Program, await_value

PACKAGE = Path(__file__).parents[1] / "docs" / "examples" / "openclaw-dice"


def test_it_has_under_30_lines() -> None:
    assert len((PACKAGE / "openclaw_dice.py").read_text().splitlines()) < 30


class Bench:
    """A gateway and a node, side by side in an environment that knows no family."""

    def __init__(self, own: Environment) -> None:
        self.own = own

    def openclaw(self, *arguments: str) -> Any:
        return json.loads(self.own.run("openclaw", *arguments, "--json"))

    def node(self) -> dict[str, Any] | None:
        """The node as the gateway lists it, once it is connected."""
        nodes: list[dict[str, Any]] = self.openclaw("nodes", "status", "--connected")["nodes"]
        return nodes[0] if nodes else None

    def invoke(self, params: str, code: int = 0) -> str:
        return self.own.run(
            "openclaw", "nodes", "invoke", "--node", "desk", "--command", "dice.roll",
            "--params", params, "--json", code=code,
        )  # fmt: skip


@pytest.mark.timeout(240)
def test_from_install_to_invoked_and_gone_again(tmp_path: Path) -> None:
    own = Environment(tmp_path)
    bench = Bench(own)
    program = str(own.python.parent / "openclaw")
    argv = [program, "up", "--display-name", "desk"]
    with Program(argv, own.variables, tmp_path / "up.log") as up:
        await_value(lambda: "Next, in another terminal" in up.output(), "it is up", evidence=up.tail)
        before = bench.node()
        assert before is not None
        assert before["commands"] == []

        own.run("pip", "install", "--quiet", PACKAGE)
        assert bench.openclaw("plugins", "reload")["added"] == ["dice"]
        # The running node finds it by itself and asks for it.
        (asked,) = await_value(lambda: bench.openclaw("nodes", "pending"), "it asks", evidence=up.tail)
        assert asked["commands"] == ["dice.roll"]
        own.run("openclaw", "nodes", "approve", asked["requestId"])

        rolls = json.loads(bench.invoke('{"count": 20, "sides": 3}'))["payload"]["rolls"]
        assert (len(rolls), set(rolls) <= {1, 2, 3}) == (20, True)
        refused = json.loads(bench.invoke('{"sides": 1}', code=1))
        assert refused["error"]["code"] == "INVALID_REQUEST"
        assert "/sides" in refused["error"]["message"]
        described(bench.openclaw("nodes", "describe", "--node", "desk"))
        audited = bench.openclaw("audit", "--kind", "invoke")["events"]
        told = [(event["outcome"], event["subject"]) for event in audited if "dice.roll" in str(event)]
        assert ("ok", before["nodeId"]) in told

        own.run("pip", "uninstall", "--quiet", "--yes", "openclaw-dice")
        assert bench.openclaw("plugins", "reload")["removed"] == ["dice"]
        after = bench.node()
        assert after is not None
        assert (after["commands"], after["connectedAtMs"]) == ([], before["connectedAtMs"])


def described(node: dict[str, Any]) -> None:
    """Title and schemas, as agents read them."""
    (detail,) = [item for item in node["commandDetails"] if item["name"] == "dice.roll"]
    assert detail["title"] == "Roll dice"
    assert detail["paramsSchema"]["properties"]["sides"]["minimum"] == 2
    assert detail["resultSchema"]["required"] == ["rolls"]
