"""The bases of families' models read and write JSON as the programs in the field do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import ValidationError

from openclaw_core.models import Params, Result, Settings, Whole


class Snap(Params):
    max_width: Annotated[int, Whole] = 1600
    device_id: str | None = None


class Photo(Result):
    format: str
    file_size: int | None = None
    hash: str | None = None
    omitted = frozenset({"hash"})


class Config(Settings):
    save_to: Path | None = None
    names: tuple[str, ...] = ()


def test_params_take_null_for_absent_ignore_what_they_do_not_know_and_read_whole_numbers() -> None:
    assert Snap.model_validate({"maxWidth": None, "deviceId": None, "more": 1}).max_width == 1600
    assert Snap.model_validate({"maxWidth": 3.0}).max_width == 3
    for wrong in (3.5, "3", True):
        with pytest.raises(ValidationError):
            Snap.model_validate({"maxWidth": wrong})


def test_results_keep_what_they_do_not_know_and_leave_out_what_was_not_said() -> None:
    seen = Photo.model_validate({"format": "jpg", "lens": "wide"})
    assert seen.model_dump(mode="json") == {"format": "jpg", "lens": "wide"}
    assert Photo(format="jpg", file_size=None, hash=None).model_dump() == {"format": "jpg", "fileSize": None}


def test_settings_read_what_a_file_can_hold_and_refuse_what_nobody_knows() -> None:
    config = Config.model_validate({"saveTo": "/tmp/x", "names": ["a"]})
    assert (config.save_to, config.names) == (Path("/tmp/x"), ("a",))
    with pytest.raises(ValidationError, match="saveTwo"):
        Config.model_validate({"saveTwo": "/tmp/x"})
