"""The canvas for real: gateway, node host and Chromium; judged by pixels and by the page itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from openclaw_canvas.gateway.page import host_page
from PIL import Image, ImageChops

pytestmark = [pytest.mark.anyio, pytest.mark.families]

INKS = ((34, 34, 34), (51, 51, 51))
RED, GREEN, BLUE = (208, 16, 32), (0, 160, 64), (16, 64, 208)
DOCUMENT = """<!doctype html><title>Board</title>
<style>body{margin:0;background:#00a040} #box{width:200px;height:100px;background:#d01020}</style>
<div id="box"></div><a href="two.html">two</a>
<script type="module">import {word} from './word.mjs'; globalThis.word = word; globalThis.clicks = 0;</script>
"""
FIND = """function find(root, test) {
  for (const item of root.querySelectorAll('*')) {
    const inner = test(item) ? item : item.shadowRoot && find(item.shadowRoot, test);
    if (inner) return inner;
  }
}
const within = id => document.getElementById('surface-' + id);
"""


@pytest.fixture
def easel(house: Any, tmp_path: Path) -> Callable[..., Any]:
    """Open a house with a node in it: `async with easel(node={…}, …) as (here, desk)`."""

    @asynccontextmanager
    async def build(node: dict[str, Any] | None = None, **config: Any) -> AsyncIterator[tuple[Any, Any]]:
        async with (
            house(**config) as here,
            here.node(tmp_path / "node", width=800, height=600, **(node or {})) as desk,
        ):
            yield here, desk

    return build


def share(image: Image.Image, color: tuple[int, int, int], box: Any = None) -> float:
    """Which part of a picture has a colour, within what JPEG does to it."""
    image = image.crop(tuple(map(round, box))) if box else image
    apart = ImageChops.difference(image, Image.new("RGB", image.size, color)).split()
    far = ImageChops.lighter(ImageChops.lighter(*apart[:2]), apart[2]).histogram()
    return sum(far[:13]) / sum(far)


def surface8(text: str) -> list[dict[str, Any]]:
    parts: dict[str, Any] = {
        "root": {"Column": {"children": {"explicitList": ["title", "name", "go"]}}},
        "title": {"Text": {"text": {"literalString": text}, "usageHint": "h1"}},
        "name": {"TextField": {"label": {"literalString": "Name"}, "text": {"path": "/name"}}},
        "go": {
            "Button": {
                "child": "label",
                "action": {
                    "name": "greet",
                    "context": [
                        {"key": "who", "value": {"path": "/name"}},
                        {"key": "loud", "value": {"literalBoolean": True}},
                    ],
                },
            }
        },
        "label": {"Text": {"text": {"literalString": "Go"}}},
    }
    components = [{"id": name, "component": component} for name, component in parts.items()]
    contents = [{"key": "name", "valueString": "Ada"}]
    return [
        {"surfaceUpdate": {"surfaceId": "eight", "components": components}},
        {"dataModelUpdate": {"surfaceId": "eight", "contents": contents}},
        {"beginRendering": {"surfaceId": "eight", "root": "root"}},
    ]


def surface9(text: str) -> list[dict[str, Any]]:
    catalog = "https://a2ui.org/specification/v0_9/basic_catalog.json"
    go = {"event": {"name": "greet", "context": {"who": {"path": "/name"}}}}
    components = [
        {"id": "root", "component": "Column", "children": ["title", "go"]},
        {"id": "title", "component": "Text", "text": text, "variant": "h1"},
        {"id": "go", "component": "Button", "child": "label", "variant": "primary", "action": go},
        {"id": "label", "component": "Text", "text": {"path": "/name"}},
    ]
    theme = {"primaryColor": "#d01020"}
    create = {"surfaceId": "nine", "catalogId": catalog, "theme": theme}
    return [
        {"version": "v0.9", "createSurface": create},
        {"version": "v0.9", "updateComponents": {"surfaceId": "nine", "components": components}},
        {"version": "v0.9", "updateDataModel": {"surfaceId": "nine", "value": {"name": "Bob"}}},
    ]


async def test_a_snapshot_is_a_picture_of_what_was_pushed(easel: Any) -> None:
    async with easel() as (_, desk):
        await desk.do("present")
        empty = await desk.picture()
        assert empty.size == (800, 600)
        assert (await desk.do("a2ui.push", messages=surface8("Title of eight")))["surfaces"] == ["eight"]
        lines = "\n".join(json.dumps(message) for message in surface9("Title of nine"))
        assert (await desk.do("a2ui.pushJSONL", jsonl=lines))["surfaces"] == ["eight", "nine"]
        boxes = await desk.eval(
            FIND
            + """['eight', 'nine'].map(id => {
              const title = find(within(id), item => item.localName === 'h1');
              const button = find(within(id), item => item.localName === 'button');
              return [title, button].map(item => {
                const {left, top, right, bottom} = item.getBoundingClientRect();
                return [item.innerText || item.textContent.trim(), [left, top, right, bottom]];
              });
            })"""
        )
        picture = await desk.picture()
        for title, (_, box) in boxes:
            assert title[0] in ("Title of eight", "Title of nine")
            assert (
                0.02 < share(picture, (34, 34, 34), title[1]) + share(picture, (51, 51, 51), title[1]) < 0.5
            )
            assert sum(share(empty, ink, title[1]) for ink in INKS) == 0
            assert box[2] > box[0]
        assert share(picture, RED, boxes[1][1][1]) > 0.5  # the surface's own primary colour
        small = await desk.picture(format="jpeg", maxWidth=200, quality=0.5)
        assert small.size == (200, 150)
        await desk.do("a2ui.reset")
        assert await desk.picture() == empty


async def test_what_people_do_comes_back(easel: Any) -> None:
    click = FIND + "find(within('nine'), item => item.localName === 'button').click()"
    async with easel() as (here, desk):
        await desk.do("a2ui.push", messages=surface8("t") + surface9("t"))
        typed = """const field = find(within('eight'), item => item.localName === 'input');
          field.value = 'Grace'; field.dispatchEvent(new Event('input', {bubbles: true}));"""
        await desk.eval(FIND + typed + "find(within('eight'), item => item.localName === 'button').click()")
        heard = (await here.operator.event("canvas.a2ui.action"))["payload"]
        assert (heard["nodeId"], heard["version"]) == (desk.node_id, "v0.8")
        action = heard["userAction"]
        assert (action["name"], action["surfaceId"], action["sourceComponentId"]) == ("greet", "eight", "go")
        assert action["context"] == {"who": "Grace", "loud": True}
        await desk.eval(click)
        heard = (await here.operator.event("canvas.a2ui.action"))["payload"]
        assert (heard["version"], heard["userAction"]["context"]) == ("v0.9", {"who": "Bob"})
        update = {"surfaceId": "nine", "path": "/name", "value": "Eve"}
        await desk.do("a2ui.push", messages=[{"version": "v0.9", "updateDataModel": update}])
        await desk.eval(click)
        heard = (await here.operator.event("canvas.a2ui.action"))["payload"]
        assert heard["userAction"]["context"] == {"who": "Eve"}


async def test_the_url_expires_and_the_page_goes_on(easel: Any) -> None:
    async with easel(urlLifetimeMs=5_000) as (here, desk):
        await here.put(
            "board", index__html=DOCUMENT, word__mjs="export const word = 'ok'", two__html="<h1>2</h1>"
        )
        await desk.do("navigate", url="/__openclaw__/canvas/documents/board")
        assert await desk.eval("[document.title, word]") == ["Board", "ok"]
        before = await desk.picture()
        assert share(before, RED, (0, 0, 200, 100)) == 1
        assert share(before, GREEN, (200, 100, 800, 600)) == 1
        await desk.eval("clicks = 7; document.getElementById('box').style.background = '#1040d0'")
        here.clock.advance(5_001)  # nothing was asked for meanwhile: the URL is dead
        again = await desk.eval("fetch('word.mjs').then(answer => answer.text())")
        assert again == "export const word = 'ok'"
        assert await desk.eval("clicks") == 7  # still the same page
        after = await desk.picture()
        assert share(after, BLUE, (0, 0, 200, 100)) == 1
        here.clock.advance(5_001)
        await desk.eval("document.links[0].click()")
        async with asyncio.timeout(60):
            while await desk.eval("document.body?.innerText") != "2":
                assert await desk.eval("location.pathname") != "/"
        here.clock.advance(5_001)
        await desk.do("a2ui.push", messages=surface8("after"))
        seen = await desk.eval("[location.href, document.referrer].join()")
        assert "cap/" not in seen


async def test_what_cannot_be_shown_leaves_what_is(easel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with easel() as (here, desk):
        await here.put("board", index__html=DOCUMENT, word__mjs="export const word = 'ok'")
        await desk.do("present", url="/__openclaw__/canvas/documents/board/?x=1#there")
        for url, code, why in (
            ("file:///etc/passwd", "INVALID_REQUEST", "the canvas opens no file: URLs"),
            ("/__openclaw__/canvas/documents/none/", "INVALID_REQUEST", "the gateway hosts no"),
            ("nonsense", "INVALID_REQUEST", "neither a hosted path nor a URL"),
        ):
            refused = await desk.refusal("navigate", url=url)
            assert refused[0] == code
            assert why in refused[1]
        absent = host_page(Path("absent.js"))
        monkeypatch.setattr("openclaw_canvas.gateway.routes.host_page", lambda: absent)
        refused = await desk.refusal("a2ui.push", messages=surface8("x"))
        assert refused[0] == "UNAVAILABLE"
        assert "run `make ui` there" in refused[1]
        monkeypatch.undo()
        assert (await desk.eval("location.href")).endswith("/documents/board/?x=1#there")
        assert await desk.eval("word") == "ok"
        refused = await desk.refusal("navigate", url="http://unheard-of.invalid/")
        assert refused[0] == "UNAVAILABLE"
        assert "ERR_NAME_NOT_RESOLVED" in refused[1]
        assert (await desk.do("a2ui.push", messages=surface8("x")))["surfaces"] == ["eight"]


async def test_a_server_that_never_answers_holds_nobody_up(easel: Any) -> None:
    asked = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the browser gives up
        asked.set()
        writer.close()

    async with easel() as (here, desk), await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        await desk.do("a2ui.push", messages=surface8("x"))
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await timed_out(here, desk, "navigate", url=url)
        await asyncio.wait_for(asked.wait(), 60)
        assert (await desk.eval("openclawA2UI.getSurfaces()")) == ["eight"]


async def timed_out(here: Any, desk: Any, name: str, /, **params: Any) -> bool:
    """Whether a command that is given 1.5 s ends with TIMEOUT."""
    invoke = {"nodeId": desk.node_id, "command": f"canvas.{name}", "params": params}
    frame = await here.operator.request(
        "node.invoke", {**invoke, "timeoutMs": 1_500, "idempotencyKey": str(params)}
    )
    return bool(frame["error"]["details"]["nodeError"]["code"] == "TIMEOUT")


async def test_programs_in_the_page(easel: Any) -> None:
    async with easel() as (here, desk):
        await desk.do("present")
        for source, value in (
            ("1 + 1", 2),
            ("const a = [1, {b: null}]; a", [1, {"b": None}]),
            ("const a = await 3; a", 3),
            ("undefined", None),
            ("({})", {}),
            ("Promise.resolve('later')", "later"),
        ):
            assert await desk.eval(source) == value
        for source, code, why in (
            (
                "nope()",
                "INVALID_REQUEST",
                "javaScript threw: ReferenceError: nope is not defined",
            ),
            ("throw 'plain'", "INVALID_REQUEST", "javaScript threw: plain"),
            ("Promise.reject(new Error('no'))", "INVALID_REQUEST", "javaScript threw: Error: no"),
            ("(", "INVALID_REQUEST", "javaScript threw: SyntaxError"),
            ("0 / 0", "INVALID_REQUEST", "its value is NaN, which is no JSON"),
            ("Promise.resolve(Infinity)", "INVALID_REQUEST", "its value is Infinity, which is no JSON"),
            ("() => 1", "INVALID_REQUEST", "its value is function"),
            ("const self = {}; self.self = self; self", "INVALID_REQUEST", "javaScript gave no value: "),
            ("'x'.repeat(8000001)", "PAYLOAD_TOO_LARGE", "return less"),
        ):
            refused = await desk.refusal("eval", javaScript=source)
            assert refused[0] == code, source
            assert why in refused[1]
        for endless in ("for(;;);", "await new Promise(() => {})", "new Promise(() => {})"):
            assert await timed_out(here, desk, "eval", javaScript=endless)
            assert await desk.eval("'alive'") == "alive"


async def test_a_picture_is_made_to_fit(easel: Any) -> None:
    noise = """const canvas = document.body.appendChild(document.createElement('canvas'));
      Object.assign(canvas, {width: 800, height: 600}); canvas.style.cssText = 'position:fixed;inset:0';
      const pen = canvas.getContext('2d'), data = pen.createImageData(800, 600);
      data.data.forEach((_, at) => data.data[at] = at % 4 === 3 ? 255 : Math.random() * 256);
      pen.putImageData(data, 0, 0)"""
    async with easel(node={"maxSnapshotBytes": 60_000}) as (_, desk):
        await desk.do("present")
        await desk.eval(noise)
        for kind in ("png", "jpeg"):
            answer = await desk.do("snapshot", format=kind)
            assert len(answer["base64"]) <= 60_000
            picture = await desk.picture(format=kind)
            assert 50 < picture.width < 800
            assert abs(picture.width / picture.height - 4 / 3) < 0.05


async def test_a_canvas_that_died_comes_back(easel: Any) -> None:
    async with easel() as (_, desk):
        await desk.do("hide")  # nothing to hide: no browser is started for it
        assert browsers() == []
        await desk.do("present", placement={"width": 500, "height": 300})
        assert (await desk.picture()).size == (500, 300)
        doomed = browsers()
        for process in doomed:
            with suppress(psutil.NoSuchProcess):  # its parent died before
                process.kill()
        psutil.wait_procs(doomed, timeout=30)
        frame = await desk.invoke("present")
        if not frame["ok"]:  # it may have met the death before the news of it
            assert frame["error"]["details"]["nodeError"]["code"] == "UNAVAILABLE"
            await desk.do("present")
        assert await desk.eval("'back'") == "back"
    assert browsers() == []


def browsers() -> list[psutil.Process]:
    """Chromium processes below this one."""
    found = []
    for item in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in item.name():
                found.append(item)
    return found
