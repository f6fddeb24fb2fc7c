"""Microphones by miniaudio: which there are, and sound from one."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import miniaudio

from openclaw_core import CommandError
from openclaw_voice.node.pcm import RATE
from openclaw_voice.node.recording import EFFECTIVE

__all__ = ["Microphone", "backends", "choose_device", "microphone_fault", "shut"]

SOUND_DEVICES: Final = Path("/dev/snd")
_PERIOD_MS = 60
_SILENT_AFTER_S = 5.0
_NONE = (
    "no microphone was found; plug one in, start PulseAudio or PipeWire for this user, or set"
    " plugins.entries.voice.config.input.path to a sound file or FIFO"
)
Device = dict[str, Any]


def backends(direction: str, directory: Path = SOUND_DEVICES) -> list[miniaudio.Backend]:
    """The sound systems of this machine that have devices of a direction, the preferred one first.

    miniaudio's own list ends in a device that hears nothing, and asking ALSA on a machine
    without cards fills the terminal with complaints: both are kept away.

    Args:
        direction: `c` for capture, `p` for playback.
    """
    if sys.platform == "darwin":
        return [miniaudio.Backend.COREAUDIO]
    if sys.platform == "win32":
        return [miniaudio.Backend.WASAPI]
    found = [miniaudio.Backend.PULSEAUDIO] if _devices(miniaudio.Backend.PULSEAUDIO, direction) else []
    nodes = sorted(directory.glob(f"pcmC*D*{direction}"))
    if any(os.access(node, os.R_OK | os.W_OK, effective_ids=EFFECTIVE) for node in nodes):
        found.append(miniaudio.Backend.ALSA)
    return found


def _devices(backend: miniaudio.Backend, direction: str) -> list[Device]:
    try:
        devices = miniaudio.Devices([backend])
        found: list[Device] = devices.get_captures() if direction == "c" else devices.get_playbacks()
    except miniaudio.MiniaudioError:  # the sound system is not there, or answers nothing
        return []
    return found


def microphone_fault(name: str | None, directory: Path = SOUND_DEVICES) -> CommandError | None:
    """Why no sound can come from a microphone; None when it can.

    `MIC_PERMISSION_REQUIRED` when there is one that this user may not open, else `UNAVAILABLE`.

    Args:
        name: part of its name; None for the default one.
    """
    usable = backends("c", directory)
    if usable:
        try:
            choose_device("c", name, usable)
        except CommandError as error:
            return error
        return None
    if sys.platform == "linux" and any(directory.glob("pcmC*D*c")):
        return CommandError(
            "MIC_PERMISSION_REQUIRED",
            f"this user may not open the microphone in {directory}; add the user to the group audio"
            " (sudo usermod -aG audio USER) and log in again",
        )
    return CommandError("UNAVAILABLE", _NONE)


def choose_device(
    direction: str, name: str | None, usable: list[miniaudio.Backend]
) -> tuple[list[miniaudio.Backend], Any]:
    """Sound systems and device id of the device whose name has `name` in it, in any case.

    The id is None, which means the default one, when no name is given.

    Raises:
        CommandError: there is none.
    """
    if name is None:
        return usable, None
    known = [(backend, item) for backend in usable for item in _devices(backend, direction)]
    for backend, item in known:
        if name.casefold() in str(item["name"]).casefold():
            return [backend], item["id"]
    kind = "microphone" if direction == "c" else "loudspeaker"
    names = ", ".join(repr(item["name"]) for _, item in known) or "none"
    raise CommandError("UNAVAILABLE", f"no {kind} has {name!r} in its name; there are: {names}")


def shut(device: miniaudio.AbstractDevice) -> None:
    """Close a device and its connection to the sound system, which its own `close` leaves open."""
    context = device._context
    device.close()
    miniaudio.lib.ma_context_uninit(context)


class Microphone:
    """A `Source` of what a microphone hears from now on.

    Raises:
        CommandError: `MIC_PERMISSION_REQUIRED` or `UNAVAILABLE`.
    """

    def __init__(self, name: str | None) -> None:
        fault = microphone_fault(name)
        if fault is not None:
            raise fault
        systems, device_id = choose_device("c", name, backends("c"))
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._dropping = False
        try:
            self._device = miniaudio.CaptureDevice(
                miniaudio.SampleFormat.SIGNED16,
                1,
                RATE,
                _PERIOD_MS,
                device_id=device_id,
                backends=systems,
                app_name="OpenClaw",
            )
            listener = self._listen()
            next(listener)
            self._device.start(listener)
        except miniaudio.MiniaudioError as error:
            raise CommandError("UNAVAILABLE", f"the microphone could not be opened: {error}") from None

    def _listen(self) -> Generator[None, bytes, None]:
        while True:
            self._heard.put(bytes((yield)))

    def read(self) -> bytes:
        """The next 60 ms or so."""
        try:
            heard = self._heard.get(timeout=_SILENT_AFTER_S)
        except queue.Empty:
            raise CommandError(
                "UNAVAILABLE", f"the microphone gave nothing for {_SILENT_AFTER_S:g} s; was it unplugged?"
            ) from None
        return b"" if self._dropping else heard

    def stop(self, *, drain: bool) -> None:
        """End it."""
        self._dropping = not drain
        self._heard.put(b"")

    def close(self) -> None:
        """Let go of the device."""
        shut(self._device)
