"""Argument vectors as text: one spelling for people, one that is never ambiguous."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

__all__ = ["SHELLS", "format_argv", "join_arguments", "matches_raw", "plain_words", "shell_payload"]

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "rbash", "csh", "tcsh"})

_NEEDS_QUOTES = re.compile(r'[\s"]')
_NEEDS_SHELL_QUOTES = re.compile(r"[\s\"'\\]")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=-]+(?: +[A-Za-z0-9_@%+:,./=-]+)*")


def format_argv(argv: Sequence[str]) -> str:
    """The command as people and `rawCommand` spell it: double quotes where needed (19.1)."""
    return " ".join(_quote(word) for word in argv)


def _quote(word: str) -> str:
    if word and not _NEEDS_QUOTES.search(word):
        return word
    return '"' + word.replace('"', '\\"') + '"'


def join_arguments(arguments: Sequence[str]) -> str:
    """Arguments as one text that only this list gives, so that a pattern cannot be fooled.

    Arguments with blanks, quotes or backslashes appear in POSIX quotes; all others as they
    are, `*` and `$` included.
    """
    return " ".join(
        shlex.quote(word) if not word or _NEEDS_SHELL_QUOTES.search(word) else word for word in arguments
    )


def shell_payload(argv: Sequence[str]) -> str | None:
    """The script of `sh -c SCRIPT` and its like (`-lc` too); None for anything else."""
    if len(argv) != 3 or argv[0].rsplit("/", 1)[-1] not in SHELLS:
        return None
    return argv[2] if argv[1] in {"-c", "-lc", "-cl"} else None


def plain_words(script: str) -> list[str] | None:
    """The words of a script that is one plain command, or None.

    Plain means: no quote, expansion, operator, redirection, newline or assignment; what
    is left a shell runs as written.
    """
    if not _PLAIN.fullmatch(script.strip(" ")):
        return None
    words = script.split()
    return None if "=" in words[0] else words


def matches_raw(argv: Sequence[str], raw: str) -> bool:
    """True when `rawCommand` says what `argv` says: formatted, or the script of `sh -c`."""
    return raw.strip() in {format_argv(argv).strip(), (shell_payload(argv) or format_argv(argv)).strip()}
