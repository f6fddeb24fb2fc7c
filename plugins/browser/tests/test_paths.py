"""Which requests mutate profiles, and how much may travel: rules without a browser."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_browser.files import MAX_FILE_BYTES, decoded_size, size_problem, visit_paths
from openclaw_browser.gateway.media import KEPT_S, keep_files
from openclaw_browser.models import ProxyFile
from openclaw_browser.paths import is_profile_mutation, normal_path, profile_mutation_in


@given(st.text(max_size=30))
def test_a_normal_path_stays_as_it_is(path: str) -> None:
    normal = normal_path(path)
    assert normal_path(normal) == normal
    assert not normal or normal.startswith("/")


@pytest.mark.parametrize(
    "params",
    [
        {"method": "POST", "path": "/profiles/create"},
        {"method": "post ", "path": " profiles/create/ "},
        {"method": "POST", "path": "//reset-profile//"},
        {"method": "POST", "path": "/profiles/import"},
        {"method": "DELETE", "path": "/profiles/work"},
    ],
)
def test_mutations_however_they_are_written(params: dict[str, Any]) -> None:
    assert profile_mutation_in(params)


@given(st.sampled_from(["GET", "POST", "DELETE"]), st.text(max_size=20))
def test_only_the_named_paths_mutate(method: str, path: str) -> None:
    normal = normal_path(path)
    if not normal.startswith(("/profiles/", "/reset-profile")):
        assert not is_profile_mutation(method, normal)


@pytest.mark.parametrize("params", [None, [], {"path": 1}, {"path": "/profiles"}, {"method": 3, "path": "/"}])
def test_other_params_do_not(params: Any) -> None:
    assert not profile_mutation_in(params)


@given(st.binary(max_size=200))
def test_the_size_of_base64(data: bytes) -> None:
    import base64

    assert decoded_size(base64.b64encode(data).decode()) == len(data)


def test_limits_at_their_edges() -> None:
    assert size_problem([MAX_FILE_BYTES, 6 * 1024 * 1024]) is None
    assert size_problem([0] * 256) is None
    assert "10 MiB" in (size_problem([MAX_FILE_BYTES + 1]) or "")
    assert "16 MiB" in (size_problem([MAX_FILE_BYTES, 6 * 1024 * 1024 + 1]) or "")
    assert "257 files" in (size_problem([0] * 257) or "")


def test_places_that_name_files() -> None:
    result = {"path": "a", "imagePath": "b", "download": {"path": "c"}, "downloads": [{"path": "d"}, 1]}
    visit_paths(result, str.upper)
    assert result == {
        "path": "A",
        "imagePath": "B",
        "download": {"path": "C"},
        "downloads": [{"path": "D"}, 1],
    }


def test_files_are_kept_privately_for_a_day(tmp_path: Path) -> None:
    old = tmp_path / "media" / "old.png"
    old.parent.mkdir()
    old.write_text("x")
    long_ago = time.time() - KEPT_S - 60
    os.utime(old, (long_ago, long_ago))
    result = {"ok": True, "path": "openclaw-browser/1/../../sh ot.png"}
    file = ProxyFile(path=result["path"], base64="aGk=")
    keep_files(result, [file], old.parent)
    (kept,) = old.parent.iterdir()
    assert (str(kept), kept.read_bytes(), kept.stat().st_mode & 0o777) == (result["path"], b"hi", 0o600)
    assert kept.name.endswith("-sh_ot.png")
    for files in (
        [],
        [ProxyFile(path="other", base64="aGk=")],
        [ProxyFile(path=result["path"], base64="a!==")],
    ):
        with pytest.raises(ValueError, match=r"same paths|not base64"):
            keep_files(result, files, old.parent)
