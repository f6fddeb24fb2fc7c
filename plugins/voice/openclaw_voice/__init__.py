"""The capability family voice: wake words, push-to-talk, speech.

`gateway` is what a gateway needs: the wake words everybody shares, talk events, transcripts.
`node` is what a node host needs: microphone, recognition, speaker; it is imported when it is
used. `models`, `config` and `family` are shared and need pydantic and openclaw_core only.
"""

from openclaw_voice.plugin import Voice

__all__ = ["Voice"]
