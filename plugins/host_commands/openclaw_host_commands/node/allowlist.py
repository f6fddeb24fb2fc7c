"""Which programs a node's allowlist covers (PROTOCOL 19.3).

An entry covers a program when its pattern matches the path found *and* where that path
really leads. For a glob the real path must match too. For a path or a name the real path
must be the one recorded in `lastResolvedPath` when the entry was saved; without a record
(a hand-edited file) it must not be a symlink at all. So a link that is swapped later, a
relative path, or a copy in another directory gains nothing.

Patterns: an absolute path (`~` is the home directory) where `*` and `?` stay within one
directory and `**` crosses them; or a bare name, which stands for the program PATH gives for
it. `argPattern` is a regular expression for the whole of the arguments, joined by blanks,
arguments with blanks or quotes in POSIX quotes.

Programs that run other programs (shells, env, sudo, xargs, find, busybox ...) are never
covered by a pattern alone: allowing `env` would allow everything. Their entry needs an
`argPattern`. One thing is looked through: `sh -c WORDS` with plain words counts as WORDS.
An interpreter (python, node ...) is covered when it is named, not by a glob.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from openclaw_host_commands.argv import SHELLS, join_arguments, plain_words, shell_payload
from openclaw_host_commands.node.executable import Executable, find_executable, resolve_parent

__all__ = ["Rule", "covers", "is_interpreter", "is_wrapper", "look_through", "match"]

WRAPPERS = SHELLS | frozenset(
    """
    env xargs sudo doas su runuser setpriv busybox toybox nohup nice ionice chrt taskset time timeout setsid
    stdbuf unshare nsenter chroot flock watch script find fd parallel exec command eval strace ltrace gdb
    ssh systemd-run start-stop-daemon dbus-run-session xvfb-run proot fakeroot firejail bwrap unbuffer expect
    at batch crontab make awk gawk mawk nawk sed vi vim nvim ed less more man git-shell npx bunx pnpx uvx
    cmd powershell pwsh osascript open start wsl
    """.split()
)
INTERPRETERS = re.compile(
    r"(python|pypy|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|tclsh|wish|rscript|guile|java)[0-9.]*(\.exe)?"
)
_SHELL_DIRS = ("/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Rule:
    """One allowlist entry; `real` is the recorded real path."""

    pattern: str
    arg_pattern: str | None = None
    real: str | None = None


def match(argv: Sequence[str], program: Executable, rules: Iterable[Rule]) -> bool:
    """True when a rule covers this program with these arguments (of `argv[1:]`)."""
    return any(covers(rule, argv, program) for rule in rules)


def covers(rule: Rule, argv: Sequence[str], program: Executable) -> bool:
    """True when this one rule covers the program with these arguments."""
    if not _matches_both(rule, program):
        return False
    if rule.arg_pattern is not None:
        return _matches_arguments(rule.arg_pattern, argv[1:])
    if is_wrapper(program):
        return False
    return not (is_interpreter(program) and _GLOB.search(rule.pattern))


def look_through(
    argv: Sequence[str], program: Executable, cwd: str, env: Mapping[str, str]
) -> tuple[Sequence[str], Executable]:
    """For `sh -c` with plain words, by a shell of the system: the words and their program."""
    payload = shell_payload(argv)
    words = plain_words(payload) if payload is not None and argv[1] == "-c" else None
    if words is None or os.path.dirname(program.path) not in _shell_dirs():
        return argv, program
    inner = find_executable(words[0], cwd, env)
    return (words, inner) if inner is not None else (argv, program)


@lru_cache(maxsize=1)
def _shell_dirs() -> frozenset[str]:
    return frozenset(os.path.realpath(directory) for directory in _SHELL_DIRS)


def is_wrapper(program: Executable) -> bool:
    """True when the program's business is to run others, by either of its names."""
    return any(_stem(path) in WRAPPERS for path in (program.path, program.real))


def is_interpreter(program: Executable) -> bool:
    """True for python, node and their like, by either of its names."""
    return any(INTERPRETERS.fullmatch(_stem(path)) for path in (program.path, program.real))


def _stem(path: str) -> str:
    return os.path.basename(path).lower().removesuffix(".exe")


def _matches_both(rule: Rule, program: Executable) -> bool:
    if _GLOB.search(rule.pattern):
        pattern = _compile(rule.pattern)
        return pattern is not None and all(pattern.fullmatch(path) for path in (program.path, program.real))
    if "/" not in rule.pattern:
        found = program.by_name and program.name == rule.pattern
        return found and program.real == (rule.real or program.path)
    path = os.path.expanduser(rule.pattern)
    if not os.path.isabs(path) or path != os.path.normpath(path):
        return False
    if rule.real is None:
        return path == program.path == program.real
    return resolve_parent(path) == program.path and program.real == rule.real


def _matches_arguments(pattern: str, arguments: Sequence[str]) -> bool:
    try:
        return re.fullmatch(pattern, join_arguments(arguments)) is not None
    except re.error:  # hand-edited file; saving through the gateway refuses it
        return False


@lru_cache(maxsize=512)
def _compile(pattern: str) -> re.Pattern[str] | None:
    """A glob as expression; None when it is not absolute or climbs with `..`."""
    path = os.path.expanduser(pattern)
    if not os.path.isabs(path) or ".." in path.split("/"):
        return None
    text, index = "", 0
    for token in re.finditer(r"\*\*/?|\*|\?|\[[^/\]]+\]", path):
        text += re.escape(path[index : token.start()]) + _translate(token.group())
        index = token.end()
    return re.compile(text + re.escape(path[index:]), re.DOTALL)


def _translate(token: str) -> str:
    if token == "**/":  # noqa: S105  a glob, not a secret
        return "(?:.*/)?"
    simple = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return simple.get(token) or _translate_set(token)


def _translate_set(token: str) -> str:
    body = token[1:-1]
    negated = body.startswith("!")
    body = body[1:] if negated else body
    if not body:
        return re.escape(token)
    # What means something only in a set of Python's expressions is a plain character in a glob's.
    plain = "".join(f"\\{char}" if char in "\\[]^&~|" else char for char in body)
    return f"[{'^' if negated else ''}{plain}]"
