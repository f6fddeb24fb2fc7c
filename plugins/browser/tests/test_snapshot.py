"""Snapshots as text, and requests as routes read them: rules without a browser."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_browser.node.action_models import read_action
from openclaw_browser.node.elements import normal_ref
from openclaw_browser.node.failures import RouteError
from openclaw_browser.node.navigation import check_shown, check_target
from openclaw_browser.node.request import Request
from openclaw_browser.node.routes import ROUTES, find_route
from openclaw_browser.node.scripts import as_json
from openclaw_browser.node.snapshot import aria_nodes, parse_lines, render, summary

PAGE = r"""- generic [active] [ref=e1]:
  - heading "Log \"in\"" [level=1] [ref=e2]
  - generic [ref=e3]:
    - textbox "Name" [ref=e4]: Ada
    - 'button "Go: now" [ref=e5] [cursor=pointer]'
    - iframe [ref=e6]:
      - link "Inside" [ref=f1e2] [cursor=pointer]:
        - /url: /x
  - text: some words"""


def test_a_page_as_lines() -> None:
    lines = parse_lines(PAGE)
    assert "\n".join(line.full for line in lines) == PAGE
    found = summary(lines)
    assert found["refs"]["e2"] == {"role": "heading", "name": 'Log "in"'}
    assert found["refs"]["e5"] == {"role": "button", "name": "Go: now"}
    assert found["refs"]["e3"] == {"role": "generic"}
    assert found["stats"] == {"lines": 9, "chars": len(PAGE), "refs": 7, "interactive": 3}


def test_parts_of_a_page() -> None:
    lines = parse_lines(PAGE)
    kept, cut = render(lines, interactive=True)
    assert [line.ref for line in kept] == ["e4", "e5", "f1e2"]
    assert (kept[2].full, cut) == ('- link "Inside" [ref=f1e2] [cursor=pointer]', False)
    compact, _ = render(lines, compact=True, depth=2)
    assert [line.role or line.text for line in compact] == ["heading", "textbox", "button", "iframe", "text"]
    short, cut = render(lines, max_chars=60)
    assert (len(short), cut) == (1, True)
    nodes = aria_nodes(lines, 3)
    assert [node["ref"] for node in nodes] == ["e1", "e2", "e3"]
    assert aria_nodes(lines, 9)[3] == {
        "ref": "e4",
        "role": "textbox",
        "name": "Name",
        "value": "Ada",
        "depth": 2,
    }


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for line in parse_lines(text):
        assert line.full.strip()


@pytest.mark.parametrize("ref", ["e7", "@e7", "ref=e7", " e7 "])
def test_refs(ref: str) -> None:
    assert normal_ref(ref) == "e7"
    with pytest.raises(RouteError, match="is no ref"):
        normal_ref("button")


ACTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "ACT_KIND_REQUIRED", "kind is required"),
    ({"kind": "jump"}, "ACT_KIND_REQUIRED", "one of click"),
    ({"kind": "press", "selector": "a"}, "ACT_SELECTOR_UNSUPPORTED", "takes no selector"),
    ({"kind": "click"}, "ACT_INVALID_REQUEST", "ref or selector is required"),
    ({"kind": "click", "ref": "e1", "button": "back"}, "ACT_INVALID_REQUEST", "button: "),
    ({"kind": "type", "ref": "e1"}, "ACT_INVALID_REQUEST", "text: Field required"),
    ({"kind": "wait"}, "ACT_INVALID_REQUEST", "one of timeMs"),
    ({"kind": "wait", "timeMs": 40_000}, "ACT_INVALID_REQUEST", "timeMs: "),
    ({"kind": "fill", "fields": [{"ref": "e1", "x": 1}]}, "ACT_INVALID_REQUEST", "fields/0/x: "),
    ({"kind": "resize", "width": 9000, "height": 1}, "ACT_INVALID_REQUEST", "width: "),
    ({"kind": "clickCoords", "x": -1, "y": 0}, "ACT_INVALID_REQUEST", "x: "),
    ({"kind": "batch", "actions": []}, "ACT_INVALID_REQUEST", "actions: "),
    ({"kind": "batch", "actions": [{"kind": "press"}]}, "ACT_INVALID_REQUEST", "actions/0/press/key: "),
]


@pytest.mark.parametrize(("body", "code", "said"), ACTIONS)
def test_actions_that_are_none(body: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(RouteError) as caught:
        read_action(body)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert said in caught.value.message


def test_actions_as_command_lines_write_them() -> None:
    action = read_action({"kind": "press", "key": "ctrl+Return", "delayMs": "5", "timeoutMs": None})
    assert action.model_dump(exclude_none=True) == {"kind": "press", "key": "Control+Enter", "delay_ms": 5}
    nested: dict[str, Any] = {"kind": "press", "key": " "}
    for _ in range(7):
        nested = {"kind": "batch", "actions": [nested]}
    with pytest.raises(RouteError, match="to 5 levels"):
        read_action(nested)
    inner = {"kind": "batch", "actions": [{"kind": "press", "key": "a"}] * 60}
    with pytest.raises(RouteError, match="at most 100"):
        read_action({"kind": "batch", "actions": [inner, inner]})


def test_urls() -> None:
    web = ("http", "https")
    assert check_target(" https://a.b/c ", web) == "https://a.b/c"
    for url in (
        "file:///x",
        "JAVASCRIPT:alert(1)",
        "view-source:https://a",
        "example.com/x",
        "https://",
        "//a",
    ):
        with pytest.raises(RouteError):
            check_target(url, web)
    for url in ("about:blank", "", "chrome-error://chromewebdata/", "blob:https://a/1", "https://a"):
        check_shown(url, web)
    for url in ("file:///x", "blob:file:///x", "chrome://settings"):
        with pytest.raises(RouteError, match="blocked by policy"):
            check_shown(url, web)


def test_what_a_page_returned_as_json() -> None:
    assert as_json({"a": [1, float("nan"), None, "x", True], "b": 2**70}) == {
        "a": [1, None, None, "x", True],
        "b": str(2**70),
    }


def test_values_of_a_request() -> None:
    values = {"n": "5", "f": "true", "s": " a ", "bad": [1], "half": 1.5, "yes": True, "blank": " "}

    async def scene() -> None:
        late = asyncio.get_running_loop().time() + 5
        request = Request("GET", "/", values, cast("Any", None), cast("Any", None), late)
        assert (request.number("n", least=1, most=9), request.flag("f"), request.text("s")) == (5, True, "a")
        assert (request.text("blank"), request.flag("none"), request.number("none", least=0, most=1)) == (
            None,
        ) * 3
        assert 4_000 < request.left_ms(20_000) <= 5_000
        for read in (
            lambda: request.number("n", least=6, most=9),
            lambda: request.number("half", least=0, most=9),
            lambda: request.number("yes", least=0, most=9),
            lambda: request.flag("s"),
            lambda: request.text("bad"),
            lambda: request.choice("s", "b"),
            lambda: request.require("blank"),
        ):
            with pytest.raises(RouteError):
                read()

    asyncio.run(scene())


def test_routes() -> None:
    assert {
        "GET /",
        "GET /tabs",
        "POST /tabs/open",
        "POST /navigate",
        "GET /snapshot",
        "POST /act",
    } <= ROUTES.keys()
    found = find_route("DELETE", "/tabs/my%20label")
    assert found is not None
    assert found[1] == {"targetId": "my label"}
    assert find_route("POST", "/profiles/create") is None
    assert find_route("DELETE", "/tabs") is None
