"""`openclaw nodes speak` and `openclaw nodes voicewake …` (PROTOCOL 20)."""

from __future__ import annotations

from typing import Annotated

import typer

from openclaw_core.hookspecs import NodeCall, NodeCommands

__all__ = ["add_commands"]


def add_commands(nodes: NodeCommands) -> None:
    """Add the sub-commands."""
    nodes.add("speak", speak, invoke_timeout_ms=60_000, saves=("wav",))
    wake = nodes.group("voicewake", "The words that every node with a microphone listens for.")
    wake.add("get", get_words, for_gateway=True)
    wake.add("set", set_words, for_gateway=True)


async def speak(
    call: NodeCall,
    text: Annotated[str, typer.Argument(help="What to say.")],
    voice: Annotated[str | None, typer.Option("--voice", help="Name of a voice, e.g. en-gb, de.")] = None,
    rate: Annotated[
        int | None, typer.Option("--rate", min=80, max=450, help="Speed, in words per minute.")
    ] = None,
    wav: Annotated[
        bool, typer.Option("--wav", help="Save the sound instead of playing it at the node.")
    ] = False,
) -> None:
    """Say a text at the node."""
    params = {"text": text, "voice": voice, "rateWpm": rate, "output": "wav" if wav else "speaker"}
    answer = await call.invoke("voice.speak", params)
    if wav:
        path = call.save_media(answer, "speech")
        call.show({"file": {"path": path, "durationMs": answer["durationMs"]}}, path)
    else:
        call.show(answer, f"spoke for {answer['durationMs'] / 1000:.1f} s")


async def get_words(call: NodeCall) -> None:
    """Print the wake words, one a line."""
    answer = await call.request("voicewake.get")
    call.show(answer, *answer["triggers"])


async def set_words(
    call: NodeCall,
    words: Annotated[list[str], typer.Argument(help="The words; each may be of several words in quotes.")],
) -> None:
    """Replace the wake words on every node; prints them as they are now."""
    answer = await call.request("voicewake.set", {"triggers": words})
    call.show(answer, *answer["triggers"])
