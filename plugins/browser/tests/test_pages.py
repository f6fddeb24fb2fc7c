"""Pages through the node's browser: log in, fill forms, read, take pictures, files, dialogs."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from .browsing import browsing
from .website import Site

pytestmark = [pytest.mark.families, pytest.mark.timeout(120)]


def decode_png(data: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of RGB(A) bytes of a PNG without interlacing."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = b"", 8
    width = height = channels = 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            channels = {2: 3, 6: 4}[colour]
            assert (depth, interlaced) == (8, 0)
        elif kind == b"IDAT":
            chunks += body
        at += 12 + size
    raw, rows, last = zlib.decompress(chunks), [], bytes(width * channels)
    for row in range(height):
        start = row * (width * channels + 1)
        last = unfilter(raw[start], raw[start + 1 : start + 1 + width * channels], last, channels)
        rows.append(last)
    return width, height, rows


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height a PNG's header tells."""
    assert data[12:16] == b"IHDR"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def unfilter(kind: int, line: bytes, above: bytes, channels: int) -> bytes:
    out = bytearray(line)
    for i in range(len(out)):
        a, b = (out[i - channels] if i >= channels else 0), above[i]
        c = above[i - channels] if i >= channels else 0
        nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
        out[i] = (out[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
    return bytes(out)


def test_log_in_fill_a_form_and_read_the_result(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            opened = await desk.post("/tabs/open", url=f"{site.url}/order", label="shop")
            assert (opened["url"], opened["suggestedTargetId"]) == (f"{site.url}/login", "shop")
            page = await desk.get("/snapshot", targetId="shop")
            assert 'heading "Log in"' in page["snapshot"]
            assert page["stats"]["refs"] == len(page["refs"])
            await desk.act("type", ref=await desk.ref("User"), text="ada")
            answer = await desk.act("type", ref=await desk.ref("Password"), text="open sesame", submit=True)
            assert answer["targetId"] == opened["targetId"]
            await desk.act("wait", text="Order for ada")
            gift = {"ref": await desk.ref("Gift"), "type": "checkbox", "value": True}
            size = {"ref": await desk.ref("Size"), "value": "l"}
            fields = [{"ref": await desk.ref("Name"), "value": "Ada L."}, gift, size]
            await desk.act("fill", fields=fields)
            await desk.act("click", selector="textarea")
            await desk.act("insertText", text="by post")
            await desk.act("click", ref=await desk.ref("Send"))
            text = (await desk.get("/text"))["text"]
            assert text == "Ordered: gift=yes, name=Ada L., note=by post, size=l"
            assert "POST" in {
                item["method"] for item in (await desk.get("/requests", filter="/order"))["requests"]
            }
        async with browsing(tmp_path) as desk:  # another browser, the same profile: still logged in
            await desk.post("/navigate", url=f"{site.url}/order")
            assert "Order for ada" in (await desk.get("/text"))["text"]

    run(scene())


def test_pictures_and_documents(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/colours")
            await desk.act("resize", width=640, height=480)
            shot = await desk.send("POST", "/screenshot", body={})
            assert shot["files"][0]["path"] == shot["result"]["path"]
            data, mime_type = desk.files[0]
            width, height, rows = decode_png(data)
            step = len(rows[0]) // width
            assert (width, height, mime_type) == (640, 480, "image/png")
            assert rows[50][100 * step : 100 * step + 3] == b"\xff\x00\x00"
            assert rows[50][300 * step : 300 * step + 3] == b"\xff\xff\xff"
            await desk.post("/screenshot", fullPage=True)
            assert size_of(desk.files[0][0]) == (640, 1600)
            await desk.post("/screenshot", ref=await desk.ref("Red"))
            assert size_of(desk.files[0][0]) == (200, 100)
            await desk.post("/screenshot", type="jpeg")
            assert (desk.files[0][0][:3], desk.files[0][1]) == (b"\xff\xd8\xff", "image/jpeg")
            await desk.post("/pdf")
            document, mime_type = desk.files[0]
            assert (document[:5], mime_type) == (b"%PDF-", "application/pdf")
            assert document.count(b"/Type /Page\n") >= 2
            assert (await desk.failure("POST", "/screenshot", body={"fullPage": True, "ref": "e1"}))[0] == (
                "INVALID_REQUEST"
            )

    run(scene())
    left = [path.name for path in tmp_path.rglob("*") if path.suffix in (".png", ".pdf", ".jpg")]
    assert left == []


def test_refs_in_frames_and_stale_refs(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/framed")
            inside = await desk.ref("Press me")
            assert inside.startswith("f")
            await desk.act("click", ref=inside)
            await desk.act("wait", text="pressed inside")
            await desk.post("/navigate", url=f"{site.url}/keys")
            for stale in (inside, "e2", "e999"):
                code, text = await desk.failure("POST", "/act", body={"kind": "click", "ref": stale})
                assert (code, "take a new snapshot" in text) == ("INVALID_REQUEST", True)
            gone = await desk.ref("Keys")
            await desk.act("click", selector="#far")
            assert "stale" in (await desk.failure("POST", "/act", body={"kind": "hover", "ref": gone}))[1]
            assert "is no ref" in (await desk.failure("POST", "/act", body={"kind": "hover", "ref": "x"}))[1]

    run(scene())


def test_keys_pointer_scripts_and_the_journal(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/keys")
            await desk.act("click", ref=f"@{await desk.ref('Keys')}")
            await desk.act("press", key="esc")
            await desk.act("hover", ref=await desk.ref("Hover"))
            await desk.act("scrollIntoView", selector="#far")
            assert (await desk.act("evaluate", fn="scrollY > 100"))["result"] is True
            log = await desk.act("evaluate", fn="(el) => el.textContent", ref=await desk.ref("Hover"))
            assert log["result"] == "Hover"
            many = "const n = 20; console.error(n); return {n, none: undefined, bad: NaN, when: new Date(0)}"
            found = (await desk.act("evaluate", fn=many))["result"]
            assert (found["n"], found["none"], found["bad"], found["when"][:10]) == (
                20,
                None,
                None,
                "1970-01-01",
            )
            assert "hovered" in (await desk.get("/text", selector="#log"))["text"]
            levels = [item["type"] for item in (await desk.get("/console", level="error"))["messages"]]
            assert levels == ["error"]
            errors = (await desk.get("/errors", clear=True))["errors"]
            assert errors[0]["message"] == "broken on purpose"
            assert (await desk.get("/errors"))["errors"] == []
            off = {"kind": "click", "ref": await desk.ref("Off"), "timeoutMs": 500}
            assert "is disabled" in (await desk.failure("POST", "/act", body=off))[1]
            wrong = await desk.failure("POST", "/act", body={"kind": "evaluate", "fn": "const = 1"})
            assert "is no JavaScript: SyntaxError" in wrong[1]
            threw = await desk.failure("POST", "/act", body={"kind": "evaluate", "fn": "nowhere.x"})
            assert "nowhere is not defined" in threw[1]
            steps = [
                {"kind": "press", "key": "a"},
                {"kind": "click", "ref": "e999"},
                {"kind": "press", "key": "b"},
            ]
            done = await desk.act("batch", actions=steps)
            assert [item["ok"] for item in done["results"]] == [True, False]

    run(scene())


def test_dialogs_wait_for_an_answer(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/dialogs")
            blocked = await desk.act("click", ref=await desk.ref("Ask"))
            (pending,) = blocked["browserState"]["dialogs"]["pending"]
            assert (blocked["blockedByDialog"], pending["message"]) == (True, "Really?")
            assert (await desk.get("/snapshot"))["blockedByDialog"] is True
            assert (await desk.failure("POST", "/screenshot"))[0] == "INVALID_REQUEST"
            await desk.post("/hooks/dialog", accept=True, dialogId=pending["id"])
            await desk.act("wait", text="yes")
            await desk.post("/hooks/dialog", accept=True, promptText="Grace")
            await desk.act("click", ref=await desk.ref("Prompt"))
            assert (await desk.get("/text", selector="#out"))["text"] == "Grace"
            recent = (await desk.get("/dialogs"))["browserState"]["dialogs"]["recent"]
            assert [item["closedBy"] for item in recent] == ["request", "armed"]

    run(scene())


def test_files_both_ways(run: Any, tmp_path: Path, site: Site) -> None:
    def upload(*names: str) -> dict[str, Any]:
        data = base64.b64encode(b"hello").decode()
        files = [{"name": name, "contentBase64": data} for name in names]
        return {"envelope": "browser-upload-v1", "files": files}

    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/files")
            pick = {"inputRef": await desk.ref("Pick")}
            await desk.send("POST", "/hooks/file-chooser", body=pick, upload=upload("a.txt", "../b.txt"))
            await desk.act("wait", text="a.txt=hello,b.txt=hello")
            choose = {"ref": await desk.ref("Choose")}
            await desk.send("POST", "/hooks/file-chooser", body=choose, upload=upload("c.txt"))
            await desk.act("wait", text="c.txt=hello")
            await desk.send("POST", "/hooks/file-chooser", body={}, upload=upload("d.txt"))
            await desk.act("click", ref=choose["ref"])
            await desk.act("wait", text="d.txt=hello")
            assert "send them in upload" in (await desk.failure("POST", "/hooks/file-chooser", body={}))[1]
            got = await desk.post("/download", ref=await desk.ref("Report"), path="out/mine.csv")
            assert got["download"]["suggestedFilename"] == "report.csv"
            assert got["download"]["path"].endswith("/mine.csv")
            assert desk.files == [(b"a,b\n1,2\n", "text/csv")]

    run(scene())
