"""What real apps send and answer (PROTOCOL 18.3)."""

from __future__ import annotations

from typing import Any

import pytest
from openclaw_camera.models import (
    Clip,
    ClipParams,
    DeviceList,
    Photo,
    PtzControlParams,
    PtzResult,
    PtzStatus,
    SnapParams,
)
from pydantic import ValidationError

PAN = {
    "current": 10,
    "min": -170.5,
    "max": 170.5,
    "step": 0.5,
    "unit": "degrees",
    "canSet": True,
    "canMove": True,
    "default": 0,
}
STATE = {"axes": {"pan": PAN, "zoom": {**PAN, "unit": "percent", "min": 0}}, "canHome": True}


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (
            DeviceList,
            {"devices": [{"id": "com.apple:0", "name": "Back", "position": "back", "deviceType": "w"}]},
        ),
        (DeviceList, {"devices": [{"id": "0", "name": "Back", "position": None, "lens": {"mm": 26}}]}),
        (DeviceList, {"devices": []}),
        (Photo, {"format": "jpg", "base64": "/9j/", "width": 1600, "height": 1200}),
        (
            Photo,
            {"format": "jpg", "url": "https://node.test/p.jpg", "width": 16, "height": 9, "exif": {"a": 1}},
        ),
        (Clip, {"format": "mp4", "base64": "AAAA", "durationMs": 3000, "hasAudio": True}),
        (Clip, {"format": "mp4", "url": "https://node.test/c.mp4", "durationMs": 2987.5, "hasAudio": False}),
        (PtzStatus, STATE),
        (PtzStatus, {"axes": {}, "canHome": False}),
        (PtzResult, {"state": STATE, "adjusted": ["panDegrees"]}),
    ],
)
def test_answers_of_real_apps_pass_whole(model: Any, answer: dict[str, Any]) -> None:
    assert model.model_validate(answer).model_dump(mode="json") == answer


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (Photo, {"format": "jpg", "width": 16, "height": 9}),
        (Photo, {"format": "jpg", "base64": "", "width": 16, "height": 9}),
        (Photo, {"format": "jpg", "base64": "/9j/", "width": 0, "height": 9}),
        (Clip, {"format": "mp4", "base64": "AAAA", "durationMs": 3000}),
        (PtzStatus, {"axes": {"pan": {"current": 1}}, "canHome": True}),
    ],
)
def test_answers_without_a_picture_do_not(model: Any, answer: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(answer)


def test_params_have_the_contracts_defaults() -> None:
    snap = SnapParams.model_validate({"facing": None, "delayMs": None})
    assert (snap.max_width, snap.quality, snap.format, snap.delay_ms, snap.facing) == (
        1600,
        0.9,
        "jpg",
        None,
        None,
    )
    clip = ClipParams.model_validate({})
    assert (clip.duration_ms, clip.include_audio, clip.format, clip.device_id) == (3000, True, "mp4", None)


@pytest.mark.parametrize(
    "params",
    [
        {
            "deviceId": "c",
            "operation": "set",
            "target": {"panDegrees": 10, "tiltDegrees": -5, "zoomPercent": 40},
        },
        {"deviceId": "c", "operation": "move", "delta": {"panDegrees": 2, "zoomPercent": -5}},
        {"deviceId": "c", "operation": "home"},
    ],
)
def test_movements_of_the_contract_are_taken(params: dict[str, Any]) -> None:
    assert PtzControlParams.model_validate(params).model_dump(exclude_none=True) == params


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "spin"},
        {"operation": "set", "target": {}},
        {"operation": "set", "target": {"panDegrees": float("inf")}},
        {"operation": "set", "target": {"panDegrees": 1, "rollDegrees": 2}},
        {"operation": "set", "delta": {"panDegrees": 1}},
        {"operation": "move", "target": {"panDegrees": 1}},
        {"operation": "home", "target": {"panDegrees": 1}},
        {"operation": "home", "speed": 3},
    ],
)
def test_other_movements_are_not(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PtzControlParams.model_validate({"deviceId": "c", **change})
