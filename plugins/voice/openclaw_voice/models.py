"""Params and results of the `talk.ptt.*` and `voice.speak` commands (PROTOCOL 20.2).

Params ignore fields they do not know and take null for absent. Results keep what they do
not know: a real app's answer passes whole.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openclaw_core.models import Params, Result, Whole

__all__ = ["MAX_TEXT", "Capture", "PushToTalkParams", "SpeakParams", "Spoken", "StartedCapture"]

MAX_TEXT = 5_000
"""Longest text of one `voice.speak`, in characters: about six minutes of speech."""


class PushToTalkParams(Params):
    """`talk.ptt.*` take nothing."""


class StartedCapture(Result):
    """`talk.ptt.start`.

    Attributes:
        capture_id: names the capture in `talk.event` and in the commands' answers.
    """

    capture_id: str = Field(min_length=1)


class Capture(StartedCapture):
    """`talk.ptt.stop`, `cancel` and `once`.

    Attributes:
        transcript: what was said; absent when nothing was understood or the capture was dropped.
        status: `queued` (understood, and the gateway has it as `voice.transcript`), `offline`
            (understood, and the gateway did not take it), `empty`, `cancelled`, or `idle` when
            nothing was being captured. Apps of other makers have words of their own.
    """

    transcript: str | None = None
    status: str | None = None


class SpeakParams(Params):
    """`voice.speak`.

    Attributes:
        text: what to say.
        voice: an espeak-ng voice, e.g. `en-gb`, `de`, `en-us+f3`; None for the node's own.
        rate_wpm: speed in words per minute; None for the node's own.
        output: `speaker` plays it at the node, `wav` answers the sound instead.
    """

    text: str = Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")
    voice: str | None = Field(None, max_length=40, pattern=r"^[A-Za-z][A-Za-z0-9]*([-+][A-Za-z0-9]+)*$")
    rate_wpm: Annotated[int, Field(ge=80, le=450), Whole] | None = None
    output: Literal["speaker", "wav"] = "speaker"


class Spoken(Result):
    """What was said.

    Attributes:
        duration_ms: length of the speech, in ms.
        format: `wav`, with `base64`, when the sound was asked for: 16-bit mono PCM.
        sample_rate: of that sound, in Hz.
    """

    duration_ms: int = Field(ge=0)
    format: Literal["wav"] | None = None
    base64: str | None = None
    sample_rate: int | None = None
