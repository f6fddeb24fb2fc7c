"""Shapes of PROTOCOL 18.2, and what a caller is told who gets them wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_canvas import models
from openclaw_canvas.a2ui import find_problem, parse_lines
from openclaw_canvas.settings import CanvasSettings
from pydantic import ValidationError

from openclaw_core.protocol.problems import describe_problems

TEXT = {"id": "t", "component": {"Text": {"text": {"literalString": "hi"}}}}
GOOD = (
    {"surfaceUpdate": {"surfaceId": "s", "components": [TEXT]}},
    {"dataModelUpdate": {"surfaceId": "s", "path": "/", "contents": []}},
    {"beginRendering": {"surfaceId": "s", "root": "t", "styles": {"primaryColor": "#123456"}}},
    {"deleteSurface": {"surfaceId": "s"}},
    {"version": "v0.9", "createSurface": {"surfaceId": "s", "catalogId": "c"}},
    {
        "version": "v0.9.1",
        "updateComponents": {"surfaceId": "s", "components": [{"id": "root", "component": "Text"}]},
    },
    {"version": "v0.9", "updateDataModel": {"surfaceId": "s", "path": "/a", "value": [1]}},
    {"version": "v0.9", "deleteSurface": {"surfaceId": "s"}},
)
BAD = (
    (7, "is a number, not an object"),
    ("x", "is text, not an object"),
    ({}, "needs exactly one of surfaceUpdate, dataModelUpdate, beginRendering, deleteSurface; it has none"),
    ({"deleteSurface": {"surfaceId": "s"}, "beginRendering": {}}, "it has deleteSurface, beginRendering"),
    ({"paint": {}}, "has 'paint', which is none of surfaceUpdate"),
    ({"version": "v1", "deleteSurface": {}}, "has version 'v1'; write \"v0.9\""),
    ({"version": None, "deleteSurface": {}}, "has version None"),
    ({"createSurface": {"surfaceId": "s"}}, 'createSurface belongs to A2UI 0.9: add "version": "v0.9"'),
    ({"version": "v0.9", "beginRendering": {}}, 'belongs to A2UI 0.8: leave "version" out'),
    ({"deleteSurface": []}, "deleteSurface is a list, not an object"),
    ({"deleteSurface": {"surfaceId": ""}}, "deleteSurface.surfaceId must be a non-empty string"),
    ({"surfaceUpdate": {"surfaceId": "s", "components": []}}, "components must be a list with at least one"),
    ({"surfaceUpdate": {"surfaceId": "s", "components": [{"id": 1}]}}, "components[0].id must be"),
    (
        {"surfaceUpdate": {"surfaceId": "s", "components": [TEXT, {"id": "b"}]}},
        "components[1].component",
    ),
    ({"dataModelUpdate": {"surfaceId": "s"}}, "dataModelUpdate.contents must be a list"),
    ({"beginRendering": {"surfaceId": "s"}}, "beginRendering.root must be the id of a component"),
    ({"version": "v0.9", "createSurface": {"surfaceId": "s"}}, "createSurface.catalogId must be"),
    (
        {"version": "v0.9", "updateComponents": {"surfaceId": "s", "components": [TEXT]}},
        "components[0].component must be the name of a component",
    ),
)


@pytest.mark.parametrize("message", GOOD)
def test_messages_of_both_versions(message: Any) -> None:
    assert find_problem(message) is None
    assert models.PushParams.model_validate({"messages": [message]}).messages == [message]
    lines = models.PushLinesParams.model_validate({"jsonl": f"\n{json.dumps(message)}\r\n"})
    assert lines.messages == [message]


@pytest.mark.parametrize(("message", "problem"), BAD)
def test_what_is_no_message_is_told_why(message: Any, problem: str) -> None:
    assert problem in (find_problem(message) or "")
    good = json.dumps(GOOD[0])
    with pytest.raises(ValidationError) as refused:
        models.PushLinesParams.model_validate({"jsonl": f"{good}\n\n{json.dumps(message)}\n{good}"})
    assert describe_problems(refused.value).startswith("at /jsonl: line 3 ")
    with pytest.raises(ValidationError) as refused:
        models.PushParams.model_validate({"messages": [GOOD[0], message]})
    assert describe_problems(refused.value).startswith("at /messages: message 2 ")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
NAMES = st.sampled_from(["version", "surfaceUpdate", "createSurface", "updateComponents", "beginRendering"])


@given(st.dictionaries(NAMES, JSON | st.dictionaries(st.just("surfaceId"), st.text()), max_size=3) | JSON)
def test_anything_at_all_is_judged(message: Any) -> None:
    problem = find_problem(message)
    assert problem is None or problem


@given(st.text())
def test_any_text_is_read_line_by_line(text: str) -> None:
    lines = parse_lines(text)
    assert len(lines) == sum(1 for line in text.splitlines() if line.strip())


def test_a_text_with_many_faults_names_the_first() -> None:
    with pytest.raises(ValidationError) as refused:
        models.PushLinesParams.model_validate({"jsonl": "{\n" * 9})
    assert "line 5 is not JSON" in describe_problems(refused.value)
    assert "; and 4 more" in describe_problems(refused.value)
    with pytest.raises(ValidationError, match="holds no message"):
        models.PushLinesParams.model_validate({"jsonl": " \n"})


EXAMPLES = (
    (models.PresentParams, {}),
    (
        models.PresentParams,
        {"url": "http://x/", "placement": {"x": 1, "y": 2.5, "width": 300}},
    ),
    (models.PresentParams, {"url": None, "placement": None, "target": "later"}),
    (models.HideParams, {}),
    (models.NavigateParams, {"url": "/__openclaw__/canvas/documents/a/index.html"}),
    (models.EvalParams, {"javaScript": "1"}),
    (models.SnapshotParams, {"maxWidth": 800.0, "quality": 1, "format": "jpeg"}),
    (models.SnapshotParams, {"maxWidth": None, "quality": None, "format": None}),
    (models.ResetParams, {}),
)


@pytest.mark.parametrize(("model", "params"), EXAMPLES)
def test_params_as_they_are_sent(model: Any, params: Any) -> None:
    model.model_validate(params)


REFUSED = (
    (models.NavigateParams, {}, "must have required property 'url'"),
    (models.NavigateParams, {"url": ""}, "at /url: must not have fewer than 1 characters"),
    (models.PresentParams, {"placement": {"width": 0}}, "at /placement/width: must be >= 1"),
    (models.PresentParams, {"placement": {"x": "left"}}, "at /placement/x: must be number"),
    (models.EvalParams, {"javaScript": 1}, "at /javaScript: must be string"),
    (models.SnapshotParams, {"quality": 90}, "at /quality: must be <= 1"),
    (models.SnapshotParams, {"maxWidth": 1}, "at /maxWidth: must be >= 16"),
    (models.SnapshotParams, {"maxWidth": 99.5}, "at /maxWidth: must be integer"),
    (models.SnapshotParams, {"format": "bmp"}, "at /format: must be equal to one of the allowed values"),
    (models.PushParams, {"messages": []}, "at /messages: must not have fewer than 1 items"),
)


@pytest.mark.parametrize(("model", "params", "problem"), REFUSED)
def test_params_nobody_can_mean(model: Any, params: Any, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(params)
    assert problem in describe_problems(refused.value)


ANSWERS = (
    (models.CanvasResult, {}),
    (models.CanvasResult, {"ok": True, "window": {"id": 1}}),
    (models.EvalResult, {"result": {"deep": [1, None]}}),
    (models.EvalResult, {"result": "text", "more": 1}),
    (models.SnapshotResult, {"format": "jpg", "base64": "AA==", "width": 3}),
    (models.PushResult, {"ok": True, "surfaces": ["s"]}),
)


@pytest.mark.parametrize(("model", "answer"), ANSWERS)
def test_answers_of_apps_pass_whole(model: Any, answer: dict[str, Any]) -> None:
    shown = model.model_validate(answer).model_dump(mode="json")
    assert answer.items() <= shown.items()


def test_settings() -> None:
    assert CanvasSettings.model_validate({"urlLifetimeMs": 5_000}).url_lifetime_ms == 5_000
    for wrong in ({"urlLifetimeMs": 10}, {"display": "wall"}, {"colour": 1}):
        with pytest.raises(ValidationError):
            CanvasSettings.model_validate(wrong)
