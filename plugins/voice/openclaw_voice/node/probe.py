"""What of the family works on this machine."""

from __future__ import annotations

import importlib.util
import shutil
from typing import Final

from openclaw_core import Probe
from openclaw_voice.config import VoiceConfig

__all__ = ["PUSH_TO_TALK", "probe"]

PUSH_TO_TALK: Final = ("talk.ptt.cancel", "talk.ptt.once", "talk.ptt.start", "talk.ptt.stop")
_PACKAGES: Final = ("miniaudio", "pocketsphinx")
_SWITCHED_OFF: Final = "push-to-talk is switched off: plugins.entries.voice.config.talk.enabled is false"


def probe(config: VoiceConfig) -> Probe:
    """Look for packages, microphone and synthesiser; opens nothing."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return Probe(unavailable=f"{' and '.join(missing)} not installed: pip install 'openclaw-voice[node]'")
    from openclaw_voice.node.sound_input import input_fault
    from openclaw_voice.node.speech import MISSING, PROGRAM
    from openclaw_voice.node.transcriber import transcriber_fault

    fault = input_fault(config.input)
    deaf = fault.message if fault is not None else transcriber_fault(config.transcription)
    if deaf is None and not config.talk.enabled:
        deaf = _SWITCHED_OFF
    withheld = dict.fromkeys(PUSH_TO_TALK, deaf) if deaf is not None else {}
    if shutil.which(PROGRAM) is None:
        withheld["voice.speak"] = MISSING
    allowed = fault is None or fault.code != "MIC_PERMISSION_REQUIRED"
    return Probe(withheld=withheld, permissions={} if allowed else {"microphone": False})
