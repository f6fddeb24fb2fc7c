"""Sound from files and FIFOs, and what is said when there is none."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from openclaw_voice.config import InputConfig
from openclaw_voice.node.fifo import Fifo
from openclaw_voice.node.microphone import microphone_fault
from openclaw_voice.node.recording import SoundFile
from openclaw_voice.node.sound_input import input_fault, open_input

from openclaw_core import CommandError

pytestmark = pytest.mark.anyio

NOBODY = 65_534


def rest(source: Any) -> bytes:
    return b"".join(iter(source.read, b""))


async def test_a_file_is_heard_from_its_start_each_time(
    recording: Callable[[str], Path], speech: Callable[[str], bytes]
) -> None:
    for _ in range(2):
        source = open_input(InputConfig(path=recording("what time is it")))
        assert isinstance(source, SoundFile)
        source.stop(drain=True)
        assert rest(source) == speech("what time is it")
        source.close()
    stopped = open_input(InputConfig(path=recording("what time is it")))
    stopped.stop(drain=False)
    assert stopped.read() == b""


async def test_a_fifo_gives_what_is_written_after_it_was_opened(mouth: Any) -> None:
    old = os.open(mouth.path, os.O_RDWR | os.O_NONBLOCK)  # somebody wrote while nobody listened
    while is_room(old):
        os.write(old, b"old!" * 1_024)
    source = Fifo(mouth.path)
    await mouth.say(b"abc")
    assert source.read() == b"ab"
    await mouth.say(b"d")
    assert source.read() == b"cd"
    mouth.close()  # a writer's leaving is no end
    await mouth.say(b"efgh")
    source.stop(drain=True)
    assert rest(source) == b"efgh"
    source.close()
    os.close(old)
    source.stop(drain=False)  # late, and harmless
    assert not mouth.is_heard()


def is_room(fd: int) -> bool:
    return bool(select.select([], [fd], [], 0)[1])


async def test_stopping_wakes_a_reader_that_waits(mouth: Any) -> None:
    source = Fifo(mouth.path)
    reading = asyncio.ensure_future(asyncio.to_thread(source.read))
    await mouth.say(b"")
    source.stop(drain=False)
    async with asyncio.timeout(10):
        assert await reading == b""
    source.close()


@contextmanager
def somebody_else() -> Iterator[None]:
    """Without root's rights; a developer has none to lose."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody may enter; pytest's own are private."""
    with TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path


@pytest.mark.parametrize("kind", ["file", "fifo"])
def test_what_may_not_be_read_needs_permission(public: Path, kind: str) -> None:
    path = public / "secret.wav"
    path.write_bytes(b"") if kind == "file" else os.mkfifo(path)
    path.chmod(0)
    with somebody_else():
        fault = input_fault(InputConfig(path=path))
        assert fault is not None
        assert fault.code == "MIC_PERMISSION_REQUIRED"
        assert str(path) in fault.message
        with pytest.raises(CommandError, match="MIC_PERMISSION_REQUIRED"):
            open_input(InputConfig(path=path))


def test_a_path_in_ones_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "heard.wav").write_bytes(b"")
    assert InputConfig.model_validate({"path": "~/heard.wav"}).path == tmp_path / "heard.wav"


def test_what_cannot_be_heard_is_unavailable(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "absent", "mkfifo"), (tmp_path, "neither a file nor a FIFO")):
        fault = input_fault(InputConfig(path=path))
        assert fault is not None
        assert fault.code == "UNAVAILABLE"
        assert says in fault.message
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    with pytest.raises(CommandError, match=r"UNAVAILABLE: .*text\.wav is no sound that can be read"):
        open_input(InputConfig(path=text)).read()


@pytest.fixture
def no_sound_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine without PulseAudio and PipeWire."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'nobody-serves'}")


@pytest.mark.usefixtures("no_sound_server")
def test_a_microphone_of_another_user_needs_permission(public: Path) -> None:
    node = public / "pcmC0D0c"
    node.write_bytes(b"")
    node.chmod(0)
    with somebody_else():
        fault = microphone_fault(None, public)
    assert fault is not None
    assert fault.code == "MIC_PERMISSION_REQUIRED"
    assert "group audio" in fault.message


@pytest.mark.usefixtures("no_sound_server")
def test_a_machine_without_a_microphone(tmp_path: Path) -> None:
    (tmp_path / "pcmC0D0p").write_bytes(b"")  # it plays, and hears nothing
    fault = microphone_fault(None, tmp_path)
    assert fault is not None
    assert fault.code == "UNAVAILABLE"
    assert "input.path" in fault.message
