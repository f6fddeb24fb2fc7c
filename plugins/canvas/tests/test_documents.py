"""Hosted documents, over a real gateway's sockets."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_canvas.gateway.documents import Documents, explain_id, explain_path
from openclaw_canvas.settings import CanvasSettings

from openclaw_core.errors import InvalidRequestError

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers(
        "canvas.documents.put", "canvas.documents.list", "canvas.documents.remove", "canvas.documents.changed"
    ),
]

WAIT_S = 10.0
PIXEL = base64.b64encode(b"\x89PNG not really").decode()


async def refused(wire: Any, method: str, params: Any) -> str:
    frame = await wire.request(method, params)
    assert not frame["ok"], frame
    assert frame["error"]["code"] in ("INVALID_REQUEST", "FORBIDDEN"), frame
    return str(frame["error"]["message"])


async def test_a_document_is_put_listed_served_and_removed(house: Any) -> None:
    async with house() as here:
        put = await here.put("hello", index__html="<h1>Hi</h1>", app__mjs="1", data__json="{}")
        assert (put["path"], put["bytes"]) == ("/__openclaw__/canvas/documents/hello/", 14)
        event = (await here.operator.event("canvas.documents.changed"))["payload"]
        assert event == {"id": "hello", "change": "put"}
        picture = {"path": "img/dot.png", "base64": PIXEL}
        await here.operator.call(
            "canvas.documents.put", {"id": "hello", "files": [picture], "replace": False}
        )
        (listed,) = (await here.operator.call("canvas.documents.list"))["documents"]
        assert [item["path"] for item in listed["files"]] == [
            "app.mjs",
            "data.json",
            "img/dot.png",
            "index.html",
        ]
        page = await here.get("documents/hello/")
        assert (page.status, page.body) == (200, b"<h1>Hi</h1>")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"] == "sandbox allow-scripts allow-forms"
        script = await here.get("documents/hello/app.mjs")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["access-control-allow-origin"] == "*"
        image = await here.get("documents/hello/img/dot.png")
        assert (image.headers["content-type"], image.body) == ("image/png", b"\x89PNG not really")
        moved = await here.get("documents/hello")
        assert (moved.status, moved.headers["location"]) == (307, "./hello/")
        await here.put("hello", other__txt="only this")
        assert (await here.get("documents/hello/")).status == 404
        await here.operator.call("canvas.documents.remove", {"id": "hello"})
        assert (await here.operator.call("canvas.documents.list"))["documents"] == []
        message = await refused(here.operator, "canvas.documents.remove", {"id": "hello"})
        assert message == "unknown document 'hello'; there is: none"


async def test_only_a_live_scoped_url_opens_them(house: Any) -> None:
    async with house(urlLifetimeMs=5_000) as here:
        await here.put("d", index__html="x")
        url = await here.url()
        bare = url.partition("/__openclaw__/")[0]
        assert (await here.get("documents/d/", bare)).status == 401
        assert (await here.get("documents/d/", url)).status == 200
        here.clock.advance(4_999)
        assert (await here.get("documents/d/", url)).status == 200  # use extends it
        here.clock.advance(5_000)
        assert (await here.get("documents/d/", url)).status == 401
        assert (await here.get("documents/d/", await here.url())).status == 200


async def test_a_document_outlives_the_gateway_and_hands_may_add_files(house: Any, tmp_path: Path) -> None:
    async with house() as here:
        await here.put("kept", index__html="x")
        place = here.gateway.settings.state_dir / "families" / "canvas" / "documents" / "kept"
        (place / "by-hand.css").write_text("a{}")
        (place / "escape.txt").symlink_to(tmp_path / "secret")
        (tmp_path / "secret").write_text("secret")
        assert (await here.get("documents/kept/by-hand.css")).headers["content-type"].startswith("text/css")
        assert (await here.get("documents/kept/escape.txt")).status == 404


ESCAPES = (
    "documents/d/../../x",
    "documents/d/%2e%2e/%2e%2e/openclaw.json",
    "documents/d/..%2f..%2fopenclaw.json",
    "documents/d/%2fetc%2fpasswd",
    "documents/%2e%2e/openclaw.json",
    "documents/../../../openclaw.json",
    "documents/d/.hidden",
    "documents/d/a%00.html",
    "documents/d/a%5cb",
    "documents/d//etc/passwd",
    "documents/none/",
)


async def test_no_path_leads_out(house: Any) -> None:
    async with house() as here:
        await here.put("d", index__html="x")
        state = here.gateway.settings.state_dir
        (state / "families" / "canvas" / "documents" / "d" / ".hidden").write_text("x")
        for path in ESCAPES:
            page = await here.get(path)
            assert page.status in (401, 404), (path, page)


WRONG = (
    ({"id": "../up", "files": [{"text": "x"}]}, "at /id: id '../up' must be 1 to 64 letters"),
    ({"id": "d", "files": [{"path": "/abs", "text": "x"}]}, "at /files/0/path: path '/abs' must be relative"),
    ({"id": "d", "files": [{"path": "a/../b", "text": "x"}]}, "no part may start with '.'"),
    ({"id": "d", "files": [{"path": "a:b", "text": "x"}]}, "a character that file names cannot have"),
    ({"id": "d", "files": [{"path": "a"}]}, "at /files/0: needs exactly one of text and base64"),
    ({"id": "d", "files": [{"base64": "!"}]}, "at /files/0: "),
    ({"id": "d", "files": []}, "at /files: must not have fewer than 1 items"),
    ({"id": "d", "files": [{"text": "x"}], "more": 1}, "unexpected property 'more'"),
    (
        {"id": "d", "files": [{"path": "a", "text": "x"}, {"path": "a/b", "text": "x"}]},
        "path 'a/b' is a file in one place and a directory in another",
    ),
    ({"id": "d", "files": [{"text": "x" * 2_001}]}, "would have 2001 bytes, the limit is 2000"),
)


async def test_what_cannot_be_put_is_told_why(house: Any) -> None:
    async with house(maxDocumentBytes=2_000, maxDocuments=1) as here:
        for params, problem in WRONG:
            assert problem in await refused(here.operator, "canvas.documents.put", params), params
        assert (await here.operator.call("canvas.documents.list"))["documents"] == []
        await here.put("one", index__html="x")
        two = {"id": "two", "files": [{"text": "x"}]}
        message = await refused(here.operator, "canvas.documents.put", two)
        assert message == "1 documents are kept; remove one first"
        reader = await here.gateway.operator(["operator.read"])
        assert "operator.write" in await refused(reader, "canvas.documents.put", two)
        assert len((await reader.call("canvas.documents.list"))["documents"]) == 1


def test_a_refused_put_changes_nothing(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "documents", CanvasSettings(max_document_bytes=1_000))
    documents.put("d", {"a": b"1"}, replace=True)
    with pytest.raises(InvalidRequestError):
        documents.put("d", {"a": b"2", "b": bytes(1_000)}, replace=False)
    assert [document.files for document in documents.all()] == [{"a": 1}]
    assert (tmp_path / "documents" / "d" / "a").read_bytes() == b"1"
    assert [path.name for path in (tmp_path / "documents").iterdir()] == ["d"]


@given(st.text(max_size=40), st.text(max_size=40))
def test_accepted_names_stay_inside(document_id: str, path: str) -> None:
    root = Path("/srv/documents")
    if explain_id(document_id) is None:
        assert (root / document_id).parent == root
        assert document_id not in (".", "..")
    if explain_path(path) is None:
        assert ".." not in Path(path).parts
        assert (root / "d" / path).is_relative_to(root / "d")
        assert not Path(path).is_absolute()


class Turn:
    """A lock that tells when somebody has to wait for it."""

    def __init__(self, told: threading.Event) -> None:
        self._lock = threading.Lock()
        self._told = told

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._told.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.mark.parametrize("look", ["all", "find"])
def test_a_document_is_there_also_while_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    documents, away, go_on = Documents(tmp_path / "d", CanvasSettings()), threading.Event(), threading.Event()
    monkeypatch.setattr(documents, "_turn", Turn(go_on))
    documents.put("doc", {"index.html": b"old"}, replace=True)
    rename = Path.rename

    def slowly(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if path.name == "doc":
            away.set()
            assert go_on.wait(WAIT_S)
        return moved

    monkeypatch.setattr(Path, "rename", slowly)
    with ThreadPoolExecutor(2) as threads:
        put = threads.submit(documents.put, "doc", {"index.html": b"newer"}, replace=True)
        assert away.wait(WAIT_S)
        seen = threads.submit(documents.all if look == "all" else lambda: [documents.find("doc", "")])
        seen.add_done_callback(lambda _: go_on.set())
        (found,) = seen.result(WAIT_S)
        assert found == (put.result(WAIT_S) if look == "all" else tmp_path / "d" / "doc" / "index.html")
