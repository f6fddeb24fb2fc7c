"""A phone in the background, on the original gateway and on this one: what waits for it, and how it learns.

The phone and the operator are written by hand from the protocol text (14.3); the frames of both gateways
are compared.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .hand_clients import HandOperator, HandPhone
from .peers import Gateway, OurGateway, RealGateway
from .printed import comparable, missing
from .process import free_port
from .recorder import Link, Recorder
from .scenario import SEED
from .schema import Schema

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900, func_only=True), pytest.mark.usefixtures("peers")]

TOKEN = "interop-token-0123456789"
CONFIG = {"nodes": {"commands": {"allow": ["camera.snap", "device.info"]}}}
Json = dict[str, Any]


def play(make: type[Gateway], state: Path) -> tuple[dict[str, Json], list[Link]]:
    """The story against a fresh gateway of that make: every answer, and all frames."""
    with ExitStack() as stack:
        gateway = stack.enter_context(make(state, free_port(), TOKEN, CONFIG))
        recorder = stack.enter_context(Recorder(gateway.port))
        operator = stack.enter_context(HandOperator(recorder.port, TOKEN))
        phone = stack.enter_context(HandPhone(recorder.port, TOKEN, SEED))
        operator.connect()
        phone.connect()
        story: dict[str, Json] = {}
        waiting = operator.ask("node.pair.list", {})["payload"]["pending"]
        story["approved"] = operator.ask("node.pair.approve", {"requestId": waiting[0]["requestId"]})

        def snap(key: str, command: str = "camera.snap") -> Json:
            words = {"command": command, "params": {"quality": 1}, "timeoutMs": 5000}
            return operator.ask("node.invoke", {"nodeId": phone.id, "idempotencyKey": key, **words})

        story["deferred"] = snap("one")
        story["again with the same key"] = snap("one")
        story["not for the foreground"] = snap("two", "device.info")
        story["pulled"] = phone.ask("node.pending.pull", {})
        story["pulled again"] = phone.ask("node.pending.pull", {})
        ids = [action["id"] for action in story["pulled"]["payload"]["actions"]]
        story["acked"] = phone.ask("node.pending.ack", {"ids": ids})
        story["nothing is left"] = phone.ask("node.pending.pull", {})
        phone.is_foreground = True
        story["in front"] = snap("three")
    return story, recorder.links


@pytest.fixture(scope="module")
def stories(place: Path) -> dict[str, tuple[dict[str, Json], list[Link]]]:
    with ThreadPoolExecutor(2) as pool:
        real = pool.submit(play, RealGateway, place / "real")
        ours = pool.submit(play, OurGateway, place / "ours")
        return {"real": real.result(), "ours": ours.result()}


STEPS = (
    "approved", "deferred", "again with the same key", "not for the foreground", "pulled", "pulled again",
    "acked", "nothing is left", "in front",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_both_gateways_answer_the_same(stories: Any, step: str) -> None:
    real, ours = (stories[make][0][step] for make in ("real", "ours"))
    assert not missing(plain(real), plain(ours)), f"original: {real}\nours: {ours}"


def plain(answer: Json) -> Any:
    return comparable(json.dumps({key: value for key, value in answer.items() if key != "id"}))


def test_one_action_waits_however_often_it_is_asked_for(stories: Any) -> None:
    story = stories["ours"][0]
    queued = story["deferred"]["error"]["details"]["queuedActionId"]
    assert story["again with the same key"]["error"]["details"]["queuedActionId"] == queued
    for step in ("pulled", "pulled again"):
        assert [action["id"] for action in story[step]["payload"]["actions"]] == [queued]
    assert story["nothing is left"]["payload"]["actions"] == []


def test_every_frame_obeys_the_published_schema(stories: Any, schema: Schema) -> None:
    assert schema.faults(stories["ours"][1]) == []
