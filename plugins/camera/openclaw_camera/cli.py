"""`openclaw nodes camera …`: cameras listed, photos and clips saved (PROTOCOL 18.3, 21.2)."""

from __future__ import annotations

from typing import Annotated, Literal

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
        typer.Option("--facing", help="Which side of a phone; both take two photos."),
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
    # The cameras of a Linux machine do not know where they look.
    on_phone = call.node.platform != "linux"
    sides = ("front", "back") if facing == "both" else (facing,)
    if on_phone:
        call.expect_files(len(sides))
    files = []
    for side in sides if on_phone else (None,):
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
        path = call.save_media(photo, f"camera-snap{f'-{side}' if side else ''}")
        sizes = {"width": photo["width"], "height": photo["height"]}
        files.append({"facing": side or "unknown", "path": path, **sizes})
    call.show({"files": files}, *(file["path"] for file in files))


async def clip(
    call: NodeCall,
    facing: Annotated[
        Literal["front", "back"], typer.Option("--facing", help="Which side of a phone.")
    ] = "front",
    device_id: _DEVICE = None,
    duration: Annotated[str, typer.Option("--duration", help="Length, e.g. 3000 (ms), 10s, 1m.")] = "3000",
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With sound.")] = True,
) -> None:
    """Record a clip, save it and print where."""
    side = None if call.node.platform == "linux" else facing
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
    path = call.save_media(answer, f"camera-clip{f'-{side}' if side else ''}")
    facts = {"durationMs": answer["durationMs"], "hasAudio": answer["hasAudio"]}
    call.show({"file": {"facing": side or "unknown", "path": path, **facts}}, path)
