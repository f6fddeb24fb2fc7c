"""The recognizer, a program of its own: `python recognizer.py '{"engine": …}'`.

pocketsphinx computes for seconds without ever letting another Python thread run, so it lives
in a process beside the node host, and ends with it: its input then closes.

Input: for each request two blocks, JSON and sound (16-bit mono PCM at 16,000 Hz), each behind
its length as four big-endian bytes. Output: one line of JSON for each request, an object with
`error` when it failed. This file imports nothing of the package: it starts faster alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol

__all__ = ["Engine", "SphinxEngine", "SpottingEngine", "WhisperEngine", "serve"]

RATE = 16_000
_FRAMES_PER_SECOND = 100
_SEARCH = "wake"


class Engine(Protocol):
    """Something that answers requests."""

    def answer(self, request: dict[str, Any], sound: bytes) -> dict[str, Any]:
        """The answer, as JSON data."""


class SpottingEngine:
    """Finds phrases in speech.

    `{"lookup": [word]}` → `{"phones": {word: phones}}` of the words the dictionary has;
    `{"phrases": {phrase: threshold}, "phones": {word: phones}}` → `{}` listens for these from
    now on; `{"spot": true}` with sound → `{"heard": [[start_s, end_s, phrase]]}`.
    """

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # Each stretch is measured whole before it is searched, or the first one would be missed.
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL", lm=None, cmn="batch")

    def answer(self, request: dict[str, Any], sound: bytes) -> dict[str, Any]:
        """See the class."""
        if "lookup" in request:
            found = {word: self._decoder.lookup_word(word) for word in request["lookup"]}
            return {"phones": {word: phones for word, phones in found.items() if phones}}
        if "phrases" in request:
            self._listen_for(request["phrases"], request["phones"])
            return {}
        self._decoder.start_utt()
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        parts = self._decoder.seg() if self._decoder.hyp() is not None else ()
        heard = [(part.start_frame, part.end_frame, part.word.strip()) for part in parts]
        return {"heard": [[a / _FRAMES_PER_SECOND, b / _FRAMES_PER_SECOND, word] for a, b, word in heard]}

    def _listen_for(self, phrases: dict[str, float], phones: dict[str, str]) -> None:
        for word, spoken in phones.items():
            if self._decoder.lookup_word(word) != spoken:
                self._decoder.add_word(word, spoken, True)
        with TemporaryDirectory() as directory:
            listing = Path(directory) / "phrases"
            lines = [f"{phrase} /{threshold:.3e}/\n" for phrase, threshold in phrases.items()]
            listing.write_text("".join(lines), "utf-8")
            self._decoder.add_kws(_SEARCH, str(listing))
        self._decoder.activate_search(_SEARCH)


class SphinxEngine:
    """Speech to text with the US English model of pocketsphinx: sound → `{"text": …}`."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # Measured whole like there: what was said before must not colour what is said now. The two
        # limits on the search halve its time, and of 156 synthesised words 11 were wrong, not 18.
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL", cmn="batch", ds=2, maxhmmpf=3_000)

    def answer(self, _request: dict[str, Any], sound: bytes) -> dict[str, Any]:
        """Lower-case words without punctuation."""
        if not sound:
            return {"text": ""}
        self._decoder.start_utt()
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return {"text": found.hypstr if found is not None else ""}


class WhisperEngine:
    """Speech to text with a faster-whisper model on this machine's disk: sound → `{"text": …}`."""

    def __init__(self, model: str, language: str | None) -> None:
        from faster_whisper import WhisperModel

        self._language = language
        self._model = WhisperModel(model, device="cpu", compute_type="int8", local_files_only=True)

    def answer(self, _request: dict[str, Any], sound: bytes) -> dict[str, Any]:
        """Words with punctuation."""
        import numpy

        if not sound:
            return {"text": ""}
        samples = numpy.frombuffer(sound, numpy.int16).astype(numpy.float32) / 32_768
        segments, _ = self._model.transcribe(samples, language=self._language)
        return {"text": " ".join(segment.text.strip() for segment in segments)}


def make(settings: dict[str, Any]) -> Engine:
    """The engine that was asked for; loading it takes a second or more."""
    match settings:
        case {"engine": "spotting"}:
            return SpottingEngine()
        case {"engine": "whisper"}:
            return WhisperEngine(settings["model"], settings["language"])
        case _:
            return SphinxEngine()


def serve(settings: dict[str, Any], source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the input ends."""
    engine: Engine | None = None
    while (header := _block(source)) is not None and (sound := _block(source)) is not None:
        try:
            engine = engine or make(settings)
            answer = engine.answer(json.loads(header), sound)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sink.write(json.dumps(answer).encode() + b"\n")
        sink.flush()


def _block(source: BinaryIO) -> bytes | None:
    length = source.read(4)
    return source.read(int.from_bytes(length, "big")) if len(length) == 4 else None


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
