"""What a run inherits and what a caller may change."""

from __future__ import annotations

import pytest
from openclaw_host_commands.node.environment import build_environment

from openclaw_core import CommandError

HOST = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/ada",
    "LANG": "C.UTF-8",
    "OPENCLAW_GATEWAY_TOKEN": "t",
    "OPENCLAW_STATE_DIR": "/s",
    "GITHUB_TOKEN": "t",
    "AWS_SECRET_ACCESS_KEY": "k",
    "DB_PASSWORD": "p",
    "Api_Key": "k",
    "BASH_ENV": "/evil",
    "LD_PRELOAD": "/evil.so",
    "PYTHONSTARTUP": "/evil.py",
    "KEYBOARD": "de",
    "SSH_AUTH_SOCK": "/sock",
}


def test_secrets_and_start_up_hooks_are_not_inherited() -> None:
    assert build_environment(None, HOST) == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/ada",
        "LANG": "C.UTF-8",
        "KEYBOARD": "de",
        "SSH_AUTH_SOCK": "/sock",
    }


def test_relative_path_entries_are_dropped() -> None:
    assert build_environment(None, {"PATH": "/usr/bin::.:bin:/bin:/usr/bin"})["PATH"] == "/usr/bin:/bin"


def test_harmless_overrides_pass() -> None:
    env = build_environment({"LANG": "de_DE", "MODE": "x", "BUILD_TOKEN": "given"}, HOST)
    assert (env["LANG"], env["MODE"], env["BUILD_TOKEN"]) == ("de_DE", "x", "given")


@pytest.mark.parametrize(
    "key",
    "PATH Path LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES NODE_OPTIONS PYTHONPATH PYTHONSTARTUP"
    " BASH_ENV ENV IFS GIT_SSH_COMMAND SHELLOPTS PS4 PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS HOME EDITOR"
    " OPENCLAW_X".split(),
)
def test_dangerous_overrides_are_refused(key: str) -> None:
    with pytest.raises(CommandError) as caught:
        build_environment({key: "x"}, HOST)
    assert caught.value.code == "SYSTEM_RUN_DENIED"
    assert caught.value.message == f"environment override rejected (blocked override keys: {key})"


def test_every_fault_is_named() -> None:
    with pytest.raises(CommandError) as caught:
        build_environment({"PS4": "x", "LD_PRELOAD": "x", "A B": "x", "N": "\0"}, HOST)
    assert caught.value.message == (
        "environment override rejected (blocked override keys: LD_PRELOAD, PS4;"
        " invalid non-portable override keys: A B, N)"
    )
