"""The original CLI prints against this gateway what it prints against the original one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .hand_clients import HandNode, HandOperator
from .peers import Gateway, OurGateway, RealGateway, real_cli
from .printed import missing
from .process import free_port
from .recorder import Link, Recorder
from .scenario import EXPLICIT_PAIRING, SEED, STEPS, Step, play
from .schema import Schema

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60, func_only=True)]

TOKEN = "interop-token-0123456789"


@dataclass(frozen=True)
class Run:
    """The printed steps of one session and every frame that passed.

    `watched` is the link of an operator who listened from before the session until the gateway stopped.
    """

    steps: dict[str, Step]
    links: list[Link]
    problem: Exception | None = None

    @property
    def watched(self) -> Link:
        return self.links[0]


def run(make: type[Gateway], state: Path) -> Run:
    """Play the session with the original CLI against a fresh gateway of that make."""
    steps: dict[str, Step] = {}
    with ExitStack() as stack:
        gateway = stack.enter_context(make(state / "gateway", free_port(), TOKEN, EXPLICIT_PAIRING))
        recorder = stack.enter_context(Recorder(gateway.port))
        watcher = stack.enter_context(HandOperator(recorder.port, TOKEN))
        watcher.connect()
        node = stack.enter_context(HandNode(recorder.port, TOKEN, SEED))
        problem = None
        try:
            steps.update(play(real_cli(recorder.port, TOKEN, state / "cli"), node))
        except (AssertionError, LookupError, OSError) as stopped:
            problem = AssertionError(f"stopped after {list(steps)[-1:]}: {stopped!r}\n{gateway.tail()}")
        gateway.stop()
        watcher.closed()
    return Run(steps, recorder.links, problem)


@pytest.fixture(scope="module")
def runs(peers: object, place: Path) -> Iterator[tuple[Run, Run]]:
    """The same session against the original and against ours, at the same time."""
    with ThreadPoolExecutor(2) as pool:
        real = pool.submit(run, RealGateway, place / "real")
        ours = pool.submit(run, OurGateway, place / "ours")
        yield real.result(), ours.result()


@pytest.mark.parametrize("name", STEPS)
def test_prints_the_same(runs: tuple[Run, Run], name: str) -> None:
    real, ours = runs
    assert name in real.steps, real.problem
    assert name in ours.steps, ours.problem
    wanted, got = real.steps[name], ours.steps[name]
    assert got.code == wanted.code, f"exit code {got.code} instead of {wanted.code}: {got}"
    assert not missing(wanted.out, got.out), got.out
    assert got.err == wanted.err


def test_an_operator_hears_what_happened(runs: tuple[Run, Run]) -> None:
    _, ours = runs
    heard = [(body["event"], body["payload"].get("decision")) for body in events(ours.watched)]
    story = [
        ("device.pair.requested", None), ("device.pair.resolved", "approved"), ("node.pair.requested", None),
        ("node.pair.resolved", "approved"), ("node.pair.resolved", "removed"), ("shutdown", None),
    ]  # fmt: skip
    assert [one for one in heard if one in story] == story
    assert ours.watched.close_code == 1012


def events(link: Link) -> list[dict[str, Any]]:
    return [body for body in link.sent_by("gateway") if body["type"] == "event"]


def test_every_frame_obeys_the_published_schema(runs: tuple[Run, Run], schema: Schema) -> None:
    _, ours = runs
    assert sum(len(link.sent_by("gateway")) for link in ours.links) > len(STEPS)
    assert schema.faults(ours.links) == []


def test_the_check_finds_what_the_original_itself_breaks(runs: tuple[Run, Run], schema: Schema) -> None:
    """The original's hello-ok has fields that its own closed HelloOk forbids; the check must say so."""
    real, _ = runs
    assert any(fault.startswith("HelloOk: ") for fault in schema.faults(real.links))
