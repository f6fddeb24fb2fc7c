"""Each command that a node of this machine runs, through the CLI, does the thing (issue 4, show 1)."""

from __future__ import annotations

import base64
import io
import json
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from openclaw_core.plugins import load_plugins

from .machine import Machine, machine

pytestmark = [pytest.mark.families, pytest.mark.timeout(300)]

TEXT = {"id": "t", "component": {"Text": {"text": {"literalString": "Hello"}}}}
A2UI = [
    {"surfaceUpdate": {"surfaceId": "s", "components": [TEXT]}},
    {"beginRendering": {"surfaceId": "s", "root": "t"}},
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("machine")) as desk:
        yield desk


def picture(answer: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["base64"])))


def frames(answer: Any) -> list[Any]:
    with av.open(io.BytesIO(base64.b64decode(answer["base64"]))) as film:
        return [frame.to_image() for frame in film.decode(video=0)]


def canvas(desk: Machine) -> None:
    desk.ask("canvas.present", {"url": desk.page})
    assert desk.ask("canvas.eval", {"javaScript": "document.title"})["result"] == "Form"
    desk.ask("canvas.navigate", {"url": f"{desk.page}?second"})
    assert desk.ask("canvas.eval", {"javaScript": "location.search"})["result"] == "?second"
    desk.ask("canvas.a2ui.push", {"messages": A2UI})
    assert picture(desk.ask("canvas.snapshot", {"format": "png"})).width > 100
    desk.ask("canvas.a2ui.reset")
    desk.ask("canvas.a2ui.pushJSONL", {"jsonl": "\n".join(map(json.dumps, A2UI))})
    desk.ask("canvas.hide")


def camera(desk: Machine) -> None:
    (device, *_) = desk.ask("camera.list")["devices"]
    photo = desk.ask("camera.snap", {"deviceId": device["id"], "maxWidth": 320, "delayMs": 0})
    assert picture(photo).size == (photo["width"], photo["height"])
    assert photo["width"] == 320
    clip = desk.ask("camera.clip", {"durationMs": 500})
    assert len(frames(clip)) > 3


def screen(desk: Machine) -> None:
    shot = picture(desk.ask("screen.snapshot", {"format": "png"})).convert("RGB")
    assert shot.size == (640, 480)
    assert shot.getpixel((5, 470))[1] > 100
    film = frames(desk.ask("screen.record", {"durationMs": 1000, "fps": 5}))
    assert 4 <= len(film) <= 6
    assert film[0].size == (640, 480)


def location(desk: Machine) -> None:
    found = desk.ask("location.get", {"timeoutMs": 5000})
    assert (found["lat"], found["lon"]) == (48.2, 16.37)


def voice(desk: Machine) -> None:
    once = desk.ask("talk.ptt.once")
    assert "everybody" in once["transcript"]
    started = desk.ask("talk.ptt.start")
    assert desk.ask("talk.ptt.stop")["captureId"] == started["captureId"]
    desk.ask("talk.ptt.start")
    assert desk.ask("talk.ptt.cancel")["status"] == "cancelled"
    spoken = desk.ask("voice.speak", {"text": "hello", "output": "wav"})
    with wave.open(io.BytesIO(base64.b64decode(spoken["base64"]))) as sound:
        assert sound.getnframes() > 1000


def browser(desk: Machine) -> None:
    def request(method: str, path: str, body: Any = None, **more: Any) -> Any:
        command = "browser.proxy.upload.v1" if "upload" in more else "browser.proxy"
        params = {"method": method, "path": path, **({"body": body} if body is not None else {}), **more}
        return desk.ask(command, params)["result"]

    request("POST", "/tabs/open", {"url": desk.page})
    seen = json.dumps(request("GET", "/snapshot"))
    assert "Hello" in seen
    file = {"name": "a.txt", "contentBase64": base64.b64encode(b"hi").decode()}
    ref = seen.split("Choose")[1].split("[ref=")[1].split("]")[0]
    upload = {"envelope": "browser-upload-v1", "files": [file]}
    request("POST", "/hooks/file-chooser", {"ref": ref}, upload=upload)
    chosen = request("POST", "/act", {"kind": "evaluate", "fn": "() => f.files[0].name"})
    assert "a.txt" in json.dumps(chosen)


def host(desk: Machine) -> None:
    assert desk.ask("system.which", {"bins": ["sh"]})["bins"]["sh"].endswith("/sh")
    plan = desk.ask("system.run.prepare", {"command": ["echo", "hi"]})["plan"]
    assert plan["argv"][1] == "hi"
    assert desk.ask("system.run", {"command": ["echo", "hi"]})["stdout"] == "hi\n"
    desk.ask("system.notify", {"title": "Tea", "body": "is ready"})
    desk.run("dunstctl", "close-all")  # what was shown is history then
    assert "Tea" in desk.run("dunstctl", "history")
    assert desk.ask("device.info")["deviceName"] == "desk"
    assert desk.ask("device.status")["storage"]["totalBytes"] > 0
    assert desk.ask("device.health")
    home = desk.env["HOME"]
    assert desk.ask("fs.listDir", {})["path"] == home
    stored = desk.ask("terminal.upload", {"name": "a.txt", "contentBase64": "aGk="})
    assert (Path(stored["path"]).read_text(), stored["size"]) == ("hi", 2)
    called = desk.ask("mcp.tools.call.v1", {"server": "notes", "tool": "shout", "arguments": {"text": "hi"}})
    assert called["content"][0]["text"] == "HI"


FAMILIES: dict[str, Callable[[Machine], None]] = {
    "browser": browser, "camera": camera, "canvas": canvas, "host_commands": host, "location": location,
    "screen": screen, "voice": voice,
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_the_family_does_the_thing(desk: Machine, family: str) -> None:
    FAMILIES[family](desk)


def test_nothing_that_runs_was_left_out(desk: Machine) -> None:
    """What the node offers is all that has a handler, and the audit trail has an invoke of each."""
    runs = {
        item.name
        for family in load_plugins().families
        for item in family.commands
        if item.handler is not None
    }
    (node,) = desk.openclaw("nodes", "status")["nodes"]
    assert set(node["commands"]) == runs
    trail = json.dumps(desk.openclaw("audit", "--kind", "invoke", "--limit", "500"))
    private = {"system.execApprovals.get", "system.execApprovals.set"}  # no invoke reaches them
    assert {name for name in runs - private if name not in trail} == set()


def test_every_helper_of_the_command_line_does_the_thing(desk: Machine, tmp_path: Path) -> None:
    """`openclaw nodes camera snap --out …` and its like: fetched, saved, said where."""

    def saved(*words: str, suffix: str) -> bytes:
        """What one of them saved into a directory that it filled by itself."""
        file = desk.openclaw("nodes", *words, "--node", "desk", "--out", str(tmp_path))
        (place,) = [item["path"] for item in file.get("files", [file.get("file")])]
        assert Path(place).parent == tmp_path
        assert Path(place).suffix == suffix
        return Path(place).read_bytes()

    def said(*words: str) -> str:
        return desk.run(sys.executable, "-m", "openclaw_core", "nodes", *words)

    assert saved("camera", "snap", "--delay-ms", "0", suffix=".jpg").startswith(b"\xff\xd8")
    assert saved("camera", "clip", "--duration", "500", suffix=".mp4")[4:8] == b"ftyp"
    assert saved("screen", "snapshot", suffix=".png").startswith(b"\x89PNG")
    assert saved("screen", "record", "--duration", "1s", "--fps", "5", suffix=".mp4")[4:8] == b"ftyp"
    assert saved("speak", "hello", "--wav", suffix=".wav").startswith(b"RIFF")
    assert said("canvas", "present", "--node", "desk", "--target", desk.page) == "canvas present ok\n"
    assert said("canvas", "eval", "document.title", "--node", "desk") == "Form\n"
    assert saved("canvas", "snapshot", suffix=".png").startswith(b"\x89PNG")
    assert said("canvas", "navigate", f"{desk.page}?2", "--node", "desk") == "canvas navigate ok\n"
    lines = tmp_path / "lines.jsonl"
    lines.write_text("\n".join(map(json.dumps, A2UI)))
    assert said("canvas", "a2ui", "push", str(lines), "--node", "desk") == "canvas a2ui push ok\n"
    assert said("canvas", "a2ui", "reset", "--node", "desk") == "canvas a2ui reset ok\n"
    assert said("canvas", "hide", "--node", "desk") == "canvas hide ok\n"


def test_every_helper_that_tells_prints_it(desk: Machine, tmp_path: Path) -> None:
    def said(*words: str) -> str:
        return desk.run(sys.executable, "-m", "openclaw_core", "nodes", *words)

    assert said("camera", "list", "--node", "desk").strip()
    assert said("location", "get", "--node", "desk") == "48.2,16.37 ±5m\n"
    assert said("notify", "--node", "desk", "--title", "Soup", "--body", "is hot") == "notify ok\n"
    desk.run("dunstctl", "close-all")
    assert "Soup" in desk.run("dunstctl", "history")
    assert said("voicewake", "set", "hello", "good morning") == "hello\ngood morning\n"
    assert said("voicewake", "get") == "hello\ngood morning\n"
    tab = said("browser", "open", desk.page, "--node", "desk").strip()
    assert tab in said("browser", "tabs", "--node", "desk")
    assert "Hello" in said("browser", "snapshot", "--node", "desk", "--tab", tab)
    out = tmp_path / "page.png"
    assert said("browser", "screenshot", "--node", "desk", "--out", str(out)) == f"{out}\n"
    assert out.read_bytes().startswith(b"\x89PNG")
