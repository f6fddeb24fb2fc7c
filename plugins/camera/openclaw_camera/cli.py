"""`openclaw nodes camera …`: cameras listed, photos and clips saved (PROTOCOL 18.3, 21.2)."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands

__all__ = ["add_commands"]

_DEVICE = Annotated[str | None, typer.Option("--device-id", help="A camera's id, from: nodes camera list.")]


def add_commands(nodes: NodeCommands) -> None:
    """Add the group."""
    camera = nodes.group("camera", "Photos and clips of a node's cameras.")
    camera.add("list", list_cameras)
    camera.add("snap", snap, invoke_timeout_ms=20_000, saves=("jpg",))
    camera.add("clip", clip, invoke_timeout_ms=90_000, saves=("mp4",))


async def list_cameras(call: NodeCall) -> None:
    """List the node's cameras."""
    answer = await call.invoke("camera.list")
    lines = [
        f"{item['name']}  {item.get('position') or 'unknown'}  {item['id']}" for item in answer["devices"]
    ]
    call.show(answer, *(lines or ["No cameras."]))


async def snap(
    call: NodeCall,
    facing: Annotated[
        Literal["front", "back", "both"] | None,
        typer.Option("--facing", help="Where the camera looks; both take two photos."),
    ] = None,
    device_id: _DEVICE = None,
    max_width: Annotated[int | None, typer.Option("--max-width", min=1, help="Widest photo, in px.")] = None,
    quality: Annotated[float | None, typer.Option("--quality", min=0, max=1, help="Of the JPEG.")] = None,
    delay_ms: Annotated[
        int | None, typer.Option("--delay-ms", min=0, help="Time for the camera to adjust, in ms.")
    ] = None,
) -> None:
    """Take a photo, save it and print where."""
    if facing == "both" and device_id is not None:
        raise typer.BadParameter("both is not possible with --device-id", param_hint="'--facing'")
    sides = await _both(call) if facing == "both" else (facing,)
    call.expect_files(len(sides))
    files = []
    for side in sides:
        photo = await call.invoke(
            "camera.snap",
            {
                "facing": side,
                "deviceId": device_id,
                "maxWidth": max_width,
                "quality": quality,
                "delayMs": delay_ms,
                "format": "jpg",
            },
        )
        looks = _looks(call, photo, side)
        path = call.save_media(photo, f"camera-snap{f'-{looks}' if looks != 'unknown' else ''}")
        sizes = {"width": photo["width"], "height": photo["height"]}
        files.append({"facing": looks, "path": path, **sizes})
    call.show({"files": files}, *(file["path"] for file in files))


async def clip(
    call: NodeCall,
    facing: Annotated[
        Literal["front", "back"] | None, typer.Option("--facing", help="Where the camera looks.")
    ] = None,
    device_id: _DEVICE = None,
    duration: Annotated[str, typer.Option("--duration", help="Length, e.g. 3000 (ms), 10s, 1m.")] = "3000",
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With sound.")] = True,
) -> None:
    """Record a clip, save it and print where."""
    # A phone films the person who holds it, unless told otherwise; a computer has a first camera.
    side = facing or (None if call.node.platform == "linux" or device_id else "front")
    answer = await call.invoke(
        "camera.clip",
        {
            "facing": side,
            "deviceId": device_id,
            "durationMs": call.milliseconds(duration),
            "includeAudio": audio,
            "format": "mp4",
        },
    )
    looks = _looks(call, answer, side)
    path = call.save_media(answer, f"camera-clip{f'-{looks}' if looks != 'unknown' else ''}")
    facts = {"durationMs": answer["durationMs"], "hasAudio": answer["hasAudio"]}
    call.show({"file": {"facing": looks, "path": path, **facts}}, path)


async def _both(call: NodeCall) -> tuple[str | None, ...]:
    """Front and back; of a computer whose cameras say nothing of that, the first one."""
    if call.node.platform == "linux":
        listed = (await call.invoke("camera.list"))["devices"]
        if not {"front", "back"} <= {item.get("position") for item in listed}:
            _say("this node does not know a front and a back camera; one photo is taken, of the first")
            return (None,)
    return ("front", "back")


def _looks(call: NodeCall, answer: dict[str, Any], asked: str | None) -> str:
    """Where the camera that was used looks, as far as it is known."""
    # Apps of phones choose by what was asked and do not repeat it.
    told = answer.get("facing") or ("unknown" if call.node.platform == "linux" else asked or "unknown")
    if asked and told != asked:
        _say(
            f"the node does not know a camera that looks to the {asked}; this is from "
            f"{json.dumps(answer.get('deviceId') or 'its first one')}. Choose with --device-id, from: "
            f"openclaw nodes camera list --node {call.node.node_id}"
        )
    return str(told)


def _say(text: str) -> None:
    typer.echo(text, err=True)
