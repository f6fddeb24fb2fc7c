from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from openclaw_host_commands.models import WhichParams
from openclaw_host_commands.node.which import find_all, find_on_path
from pydantic import ValidationError


def test_finds_what_the_shell_finds() -> None:
    assert find_all(["sh", "no-such-program"]) == {"sh": shutil.which("sh")}


def test_names_with_a_slash_are_ignored() -> None:
    assert find_all(["/bin/sh", "./sh", "../bin/sh", "", ".", "..", "sh\0"]) == {}


def test_the_current_directory_is_never_searched(
    tmp_path: Path, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("tool", "#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    assert find_on_path("tool", {"PATH": os.pathsep.join(["", ".", "/usr/bin"])}) is None
    assert find_on_path("tool", {"PATH": str(tmp_path)}) == str(tmp_path / "tool")


@pytest.mark.parametrize("params", [{}, {"bins": []}, {"bins": "ls"}])
def test_bins_are_required(params: Any) -> None:
    with pytest.raises(ValidationError, match="bins required"):
        WhichParams.model_validate(params)
