"""Where a fetched file goes: never over another, and checked before anybody is asked."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.saving import check_out, media_content, next_out, save_content


def save(
    out: Path | str | None, content: bytes = b"new", extension: str = "png", *, force: bool = False
) -> Path:
    return Path(save_content(content, None if out is None else str(out), "lamp-view", extension, force=force))


def check(
    out: Path | str | None, *, force: bool = False, extensions: tuple[str, ...] = ("png",), files: int = 1
) -> None:
    text = None if out is None else str(out)
    check_out(text, force=force, as_json=False, extensions=extensions, files=files)


def refused(out: Path | str | None, *, force: bool = False, files: int = 1) -> CliError:
    with pytest.raises(CliError) as error:
        check(out, force=force, files=files)
    return error.value


def test_a_name_without_extension_gets_the_one_of_the_content(tmp_path: Path) -> None:
    assert save(tmp_path / "view", extension="jpeg") == tmp_path / "view.jpg"
    assert save(tmp_path / "view.dat").read_bytes() == b"new"


def test_a_directory_gets_a_new_file_each_time(tmp_path: Path) -> None:
    made = {save(tmp_path) for _ in range(3)}
    assert len(made) == 3
    assert {path.parent for path in made} == {tmp_path}
    assert all(path.name.startswith("lamp-view-") and path.suffix == ".png" for path in made)


def test_without_out_it_is_a_new_private_file() -> None:
    path = save(None)
    try:
        assert path.read_bytes() == b"new"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        path.unlink()


def test_what_is_there_stays(tmp_path: Path) -> None:
    kept = tmp_path / "view.png"
    kept.write_bytes(b"old")
    for out in (kept, tmp_path / "view"):
        with pytest.raises(CliError, match="exists"):
            save(out)
    assert refused(kept).steps[-1].endswith("--force")
    assert kept.read_bytes() == b"old"
    check(kept, force=True)
    assert save(kept, force=True).read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["view.png"]


def test_a_place_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    error = refused(tmp_path / "none" / "view.png")
    assert error.steps[-1] == f"make it first: mkdir -p {tmp_path}/none"
    assert refused(f"{tmp_path}/none/").code == "NO_DIRECTORY"
    with pytest.raises(CliError, match="cannot write"):
        save(tmp_path / ("n" * 300 + ".png"))


def test_a_name_without_extension_is_looked_up_with_each_it_can_get(tmp_path: Path) -> None:
    (tmp_path / "view.png").write_bytes(b"old")
    (tmp_path / "film.txt").write_bytes(b"something else")
    assert refused(tmp_path / "view").details == {"path": str(tmp_path / "view.png")}
    check(tmp_path / "view", extensions=("jpg", "mp4"))
    check(tmp_path / "view", force=True)
    check(tmp_path / "film")


def test_the_last_of_several_files_is_looked_up_too(tmp_path: Path) -> None:
    (tmp_path / "view-2.png").write_bytes(b"old")
    for out in (tmp_path / "view.png", tmp_path / "view"):
        check(out)
        assert refused(out, files=2).code == "FILE_EXISTS"
    assert refused("-", files=2).code == "MORE_THAN_ONE_FILE"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no directory here that takes files from nobody")
def test_a_directory_that_takes_no_file_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs this: the kernel makes no file there.
    for out in ("/proc/self", "/proc/self/", "/proc/self/view.png"):
        error = refused(out)
        assert (error.code, str(error).split(":")[0]) == ("CANNOT_WRITE", "cannot write /proc/self")
        assert error.steps[-1].endswith("--out FILE")
    monkeypatch.setattr("tempfile.tempdir", "/proc/self")
    assert refused(None).code == "CANNOT_WRITE"


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "view.png").write_bytes(b"old")
    error = refused(tmp_path / "view.png" / "view.png")
    assert str(error) == f"{tmp_path / 'view.png'} is no directory"
    assert "mkdir" not in error.steps[-1]
    assert refused(tmp_path / ("n" * 300 + ".png")).code == "CANNOT_WRITE"


def test_a_link_to_what_is_not_there_yet_is_there(tmp_path: Path) -> None:
    link = tmp_path / "view.png"
    link.symlink_to(tmp_path / "elsewhere.png")
    assert refused(link).code == "FILE_EXISTS"
    check(link, force=True)
    assert save(link, force=True).read_bytes() == b"new"
    assert (tmp_path / "elsewhere.png").read_bytes() == b"new"
    if os.geteuid() != 0:  # who may write everything anyway
        (tmp_path / "elsewhere.png").chmod(0o444)
        assert refused(link, force=True).code == "CANNOT_WRITE"


def test_stdout_cannot_be_two_things() -> None:
    with pytest.raises(typer.BadParameter, match="name a file"):
        check_out("-", force=False, as_json=True, extensions=("png",))


@given(st.text(max_size=40))
def test_no_device_chooses_the_place(extension: str) -> None:
    path = save(None, extension=extension)
    try:
        assert path.name.startswith("openclaw-lamp-view-")
        assert path.suffix[1:].isalnum()
        assert len(path.suffix) <= 9
    finally:
        path.unlink()


@given(st.binary(min_size=1, max_size=300))
def test_media_is_what_the_node_sent(content: bytes) -> None:
    payload = {"format": "png", "base64": base64.b64encode(content).decode()}
    assert media_content(payload) == (content, "png")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (None, "BAD_RESULT"),
        ({"format": "png"}, "BAD_RESULT"),
        ({"format": "png", "base64": "?"}, "BAD_RESULT"),
        ({"format": "png", "url": "http://192.0.2.1/p"}, "RESULT_IS_A_URL"),
    ],
)
def test_no_media_is_an_error_with_a_next_step(payload: object, code: str) -> None:
    with pytest.raises(CliError) as error:
        media_content(payload)
    assert error.value.code == code
    assert "curl" in error.value.steps[-1] or "openclaw nodes invoke" in error.value.steps[-1]


def test_a_second_file_of_one_command_replaces_no_first(tmp_path: Path) -> None:
    assert next_out("view.png", 0) == "view.png"
    assert next_out("view.png", 1) == "view-2.png"
    assert next_out(str(tmp_path), 1) == str(tmp_path)
    assert next_out(None, 1) is None
    with pytest.raises(CliError, match="more than one file"):
        next_out("-", 1)


def test_what_is_replaced_by_force_stays_as_private_as_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "view.png"
    kept.write_bytes(b"old")
    kept.chmod(0o640)
    save(kept, force=True)
    assert (kept.read_bytes(), stat.S_IMODE(kept.stat().st_mode)) == (b"new", 0o640)
    link = tmp_path / "link.png"
    link.symlink_to(kept)
    save(link, b"newer", force=True)
    assert link.is_symlink()
    assert kept.read_bytes() == b"newer"
