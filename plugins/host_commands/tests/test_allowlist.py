"""The allowlist covers what it names, and nothing gains by links, paths or wrappers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_host_commands.node.allowlist import Rule, covers, look_through, match
from openclaw_host_commands.node.executable import Executable, find_executable

ENV = {"PATH": "/usr/bin:/bin"}


def program(path: Path | str, env: dict[str, str] = ENV, cwd: str = "/") -> Executable:
    found = find_executable(str(path), cwd, env)
    assert found is not None, path
    return found


def allowed(
    path: Path | str, pattern: str, *args: str, real: str | None = None, arg: str | None = None
) -> bool:
    return covers(Rule(pattern, arg, real), [str(path), *args], program(path))


@pytest.fixture
def tools(tmp_path: Path, script: Any) -> Path:
    script("bin/good", "#!/bin/sh\necho good\n")
    script("evil/bad", "#!/bin/sh\necho bad\n")
    return tmp_path


def test_an_exact_path(tools: Path) -> None:
    assert allowed(tools / "bin/good", f"{tools}/bin/good")
    assert not allowed(tools / "evil/bad", f"{tools}/bin/good")


def test_a_link_swapped_behind_an_allowed_path_gains_nothing(tools: Path) -> None:
    path = tools / "bin/good"
    path.unlink()
    path.symlink_to(tools / "evil/bad")
    assert not allowed(path, f"{tools}/bin/good")
    assert not allowed(path, f"{tools}/bin/good", real=f"{tools}/bin/good")
    assert not allowed(path, f"{tools}/bin/*")
    assert not allowed(path, f"{tools}/bin/**")


def test_a_swapped_directory_gains_nothing(tools: Path) -> None:
    (tools / "current").symlink_to(tools / "bin")
    recorded = f"{tools}/bin/good"
    assert allowed(tools / "current/good", f"{tools}/current/good", real=recorded)
    (tools / "current").unlink()
    (tools / "evil/good").write_bytes((tools / "evil/bad").read_bytes())
    (tools / "evil/good").chmod(0o755)
    (tools / "current").symlink_to(tools / "evil")
    assert not allowed(tools / "current/good", f"{tools}/current/good", real=recorded)
    assert not allowed(tools / "current/good", f"{tools}/current/good")


def test_a_link_from_elsewhere_to_an_allowed_program_gains_nothing(tools: Path) -> None:
    (tools / "evil/other").symlink_to(tools / "bin/good")
    assert not allowed(tools / "evil/other", f"{tools}/bin/good")
    assert not allowed(tools / "evil/other", f"{tools}/bin/good", real=f"{tools}/bin/good")


def test_a_relative_path_is_judged_by_where_it_leads(tools: Path) -> None:
    found = find_executable("./good", str(tools / "bin"), ENV)
    assert found is not None
    assert found.path == f"{tools}/bin/good"
    assert not covers(Rule("./good"), ["./good"], found)
    assert not covers(Rule("good"), ["./good"], found)
    assert not covers(Rule(f"{tools}/evil/../bin/good"), ["./good"], found)


def test_a_recorded_link_stays_allowed(tools: Path) -> None:
    link = tools / "bin/link"
    link.symlink_to(tools / "bin/good")
    assert allowed(link, str(link), real=f"{tools}/bin/good")
    assert not allowed(link, str(link))


def test_a_name_counts_only_through_path(tools: Path) -> None:
    env = {"PATH": f"{tools}/bin"}
    rule = Rule("good")
    assert covers(rule, ["good"], program("good", env))
    assert covers(rule, ["good"], program(tools / "bin/good", env))
    shutil.copy(tools / "bin/good", tools / "evil/good")
    assert not covers(rule, ["good"], program(tools / "evil/good", env))
    (tools / "bin/good").unlink()
    (tools / "bin/good").symlink_to(tools / "evil/bad")
    assert not covers(rule, ["good"], program("good", env))
    assert not covers(Rule("good", None, f"{tools}/bin/good"), ["good"], program("good", env))
    assert covers(Rule("good", None, f"{tools}/evil/bad"), ["good"], program("good", env))


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("{t}/bin/*", True),
        ("{t}/*", False),
        ("{t}/**", True),
        ("{t}/**/good", True),
        ("{t}/bin/goo?", True),
        ("{t}/bin/[gh]ood", True),
        ("{t}/bin/[!g]ood", False),
        ("*", False),
        ("**", False),
        ("bin/*", False),
    ],
)
def test_globs(tools: Path, pattern: str, covered: bool) -> None:
    assert allowed(tools / "bin/good", pattern.format(t=tools)) is covered


@pytest.mark.parametrize("name", ["sh", "env", "xargs", "find", "nohup", "timeout"])
def test_programs_that_run_programs_need_an_argument_pattern(name: str) -> None:
    path = shutil.which(name, path="/usr/bin:/bin")
    assert path is not None
    found = program(path)
    for pattern in (found.path, name, "/usr/bin/*", "/**"):
        assert not covers(Rule(pattern, None, found.real), [name, "rm"], found)
    assert covers(Rule(found.path, "ls -l", found.real), [name, "ls", "-l"], found)
    assert not covers(Rule(found.path, "ls -l", found.real), [name, "rm", "-l"], found)


def test_a_shell_under_another_name_is_still_a_shell(tools: Path) -> None:
    (tools / "bin/harmless").symlink_to(os.path.realpath("/bin/sh"))
    found = program(tools / "bin/harmless")
    assert not covers(Rule(str(tools / "bin/harmless"), None, found.real), ["harmless", "-c", "id"], found)


def test_an_interpreter_is_named_not_globbed() -> None:
    path = shutil.which("perl", path="/usr/bin:/bin")
    if path is None:
        pytest.skip("perl is not installed")
    found = program(path)
    assert covers(Rule("perl", None, found.real), ["perl"], found)
    assert not covers(Rule("/usr/bin/*", None, found.real), ["perl"], found)


def test_argument_patterns_match_all_or_nothing(tools: Path) -> None:
    good = tools / "bin/good"
    assert allowed(good, str(good), "-u", arg="-u")
    assert not allowed(good, str(good), "-u", "x", arg="-u")
    assert not allowed(good, str(good), "a b", arg="a b")
    assert allowed(good, str(good), "a", "b", arg="a b")
    assert not allowed(good, str(good), "x", arg="(")


def test_a_plain_shell_line_counts_as_its_words(tools: Path) -> None:
    env = {"PATH": f"{tools}/bin:/usr/bin:/bin"}
    shell = program("sh", env)

    def seen(line: str, flag: str = "-c", by: Executable = shell) -> str:
        return look_through(["sh", flag, line], by, "/", env)[1].path

    assert seen("good now") == f"{tools}/bin/good"
    for line in ("good; id", "good $(id)", "good > x", "X=1 good", "no-such-program"):
        assert seen(line) == shell.path
    assert seen("good", "-lc") == shell.path
    shutil.copy("/bin/sh", tools / "bin/sh")
    assert seen("good", by=program(tools / "bin/sh")) == f"{tools}/bin/sh"


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_pattern_of_a_stranger_covers_the_shell(pattern: str, argument: str) -> None:
    shell = program("/bin/sh")
    assert not match(["sh", "-c", argument], shell, [Rule(pattern, None, shell.real)])


@given(st.from_regex(r"(/[a-z.*?\[\]!-]{1,6}){1,4}", fullmatch=True))
def test_a_pattern_without_double_star_stays_in_its_depth(pattern: str) -> None:
    if "**" in pattern:
        return
    path = "/" + "/".join("abc" for _ in range(pattern.count("/") + 1))
    assert not covers(Rule(pattern), [path], Executable(path, path, by_name=False))
