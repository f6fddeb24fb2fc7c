"""Questions and answers: a person at a terminal, or the safe defaults (`--yes`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import typer

from openclaw_core.cli.failure import USAGE, CliError

__all__ = ["Defaults", "Interview", "Option", "Person"]

Check = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Option:
    """A possible answer, and what it means for the person who gives it."""

    value: str
    meaning: str


class Interview(Protocol):
    """Who answers."""

    @property
    def is_person(self) -> bool:
        """False where nobody reads questions."""

    def tell(self, text: str) -> None:
        """What one should know before the next question."""

    def choose(self, question: str, options: tuple[Option, ...], default: str, check: Check) -> str:
        """One answer that `check` accepts; it raises ValueError with the reason, or returns the value."""

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""

    def secret(self, question: str, check: Check, instead: str) -> str:
        """A secret, typed twice and not shown; `instead` is the command for where nobody can type."""


class Person:
    """At a terminal. Ctrl-C and the end of input raise typer.Abort."""

    is_person = True

    def tell(self, text: str) -> None:
        """A line."""
        typer.echo(f"  {text}")

    def choose(self, question: str, options: tuple[Option, ...], default: str, check: Check) -> str:
        """Shows the options with their meaning; asks again, with the reason, until one fits."""
        width = max(len(option.value) for option in options)
        for option in options:
            typer.echo(f"  {option.value:{width}}  {option.meaning}")
        while True:
            answer = str(typer.prompt(question, default=default)).strip()
            try:
                return check(answer)
            except ValueError as error:
                self.tell(str(error))

    def confirm(self, question: str, *, default: bool) -> bool:
        """As typer asks it."""
        return typer.confirm(question, default=default)

    def secret(self, question: str, check: Check, instead: str) -> str:  # noqa: ARG002 — it can be typed
        """Hidden, twice."""
        while True:
            answer = str(typer.prompt(question, hide_input=True, confirmation_prompt=True))
            try:
                return check(answer)
            except ValueError as error:
                self.tell(str(error))


class Defaults:
    """Nobody is there: each question has a safe answer, or the command must be told more."""

    is_person = False

    def tell(self, text: str) -> None:
        """Nobody reads it."""

    def choose(
        self,
        question: str,  # noqa: ARG002 — nobody reads it
        options: tuple[Option, ...],  # noqa: ARG002
        default: str,
        check: Check,
    ) -> str:
        """The default."""
        return check(default)

    def confirm(self, question: str, *, default: bool) -> bool:  # noqa: ARG002
        """The default."""
        return default

    def secret(self, question: str, check: Check, instead: str) -> str:  # noqa: ARG002
        """No default is safe.

        Raises:
            CliError: with the command that gives it.
        """
        raise CliError(
            f"--yes cannot answer: {question}", code="ANSWER_MISSING", steps=(instead,), exit_code=USAGE
        )
