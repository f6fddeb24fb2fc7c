"""What a node declares, and the facts it reports about its machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openclaw_core.commands import Family, NodeContext, Probe, command
from openclaw_core.errors import ConfigError
from openclaw_core.node_host import offered_surface
from openclaw_core.node_host.stats import available_memory, collect_stats
from openclaw_core.protocol.base import Wire
from openclaw_core.protocol.nodes import HostStats


class Empty(Wire):
    pass


@command("demo.one")
async def one(_args: Empty, _node: NodeContext) -> Empty:
    """One."""
    return Empty()


TWO = replace(one, name="demo.two")
APP_ONLY = replace(one, name="demo.app", handler=None)
DEMO = Family("demo", "Demo", (TWO, one, APP_ONLY), caps=("demo", "also"))
BROKEN = Family(
    "broken",
    "Broken",
    (replace(one, name="broken.it"),),
    caps=("broken",),
    probe=lambda _config: Probe(unavailable="no display"),
)


def test_everything_that_runs_here() -> None:
    surface = offered_surface([DEMO, BROKEN])
    assert list(surface.commands) == ["demo.one", "demo.two"]
    assert surface.caps == ("also", "demo")
    assert surface.withheld == {"broken.it": "no display"}
    assert surface.families == (DEMO,)


def test_only_what_was_asked_for() -> None:
    other = Family("other", "Other", (replace(one, name="other.x"),), caps=("other",))
    surface = offered_surface([DEMO, other], {"demo.one"})
    assert list(surface.commands) == ["demo.one"]
    assert surface.caps == ("also", "demo")


def test_asking_for_what_is_not_there_names_it() -> None:
    with pytest.raises(ConfigError, match=r"demo\.app, demo\.tow, which .* it offers: demo\.one;"):
        offered_surface([DEMO, BROKEN], {"demo.one", "demo.tow", "demo.app"})


def test_no_family_is_an_empty_surface() -> None:
    surface = offered_surface([])
    assert (dict(surface.commands), surface.caps) == ({}, ())


def test_stats_are_what_the_contract_takes(tmp_path: Path) -> None:
    stats = collect_stats(tmp_path)
    assert stats is not None
    wire = stats.to_wire()
    assert HostStats.model_validate(wire) == stats
    assert 0 < wire["memoryFreeBytes"] <= wire["memoryTotalBytes"]
    assert 0 < wire["diskAvailableBytes"] <= wire["diskTotalBytes"]
    assert len(wire["loadAverage"]) == 3


def test_stats_without_a_disk(tmp_path: Path) -> None:
    stats = collect_stats(tmp_path / "absent")
    assert stats is not None
    assert stats.disk_total_bytes is None


def test_meminfo() -> None:
    assert available_memory("MemTotal: 10 kB\nMemAvailable:    7 kB\n") == 7 * 1024
    assert available_memory("MemTotal: 10 kB\n") is None
