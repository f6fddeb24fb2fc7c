"""Where this node's sound comes from, as its settings say."""

from __future__ import annotations

from openclaw_core import CommandError
from openclaw_voice.config import InputConfig
from openclaw_voice.node.microphone import Microphone, microphone_fault
from openclaw_voice.node.pcm import Source
from openclaw_voice.node.recording import open_path, path_fault

__all__ = ["input_fault", "open_input"]


def open_input(config: InputConfig) -> Source:
    """Start to hear; call it off the event loop.

    Raises:
        CommandError: `MIC_PERMISSION_REQUIRED` when this user may not, `UNAVAILABLE` when there
            is nothing to hear with.
    """
    return open_path(config.path) if config.path is not None else Microphone(config.device)


def input_fault(config: InputConfig) -> CommandError | None:
    """Why `open_input` would fail, without opening anything; None when it would not."""
    return path_fault(config.path) if config.path is not None else microphone_fault(config.device)
