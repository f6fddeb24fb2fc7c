"""system.run.prepare: what exactly would run, pinned so that an approval binds it (PROTOCOL 19.1).

A plan pins the file that decides what happens: the script an interpreter or shell is given,
else the program itself. It is hashed again before an approved run.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from openclaw_core import CommandError, NodeContext
from openclaw_host_commands.argv import (
    SHELLS,
    format_argv,
    join_arguments,
    matches_raw,
    plain_words,
    shell_payload,
)
from openclaw_host_commands.models import (
    AllowAlwaysCoverage,
    AllowPattern,
    ExecPolicy,
    FileOperand,
    Plan,
    PrepareParams,
    PrepareResult,
)
from openclaw_host_commands.node.allowlist import is_interpreter, is_wrapper, look_through
from openclaw_host_commands.node.approvals import read_policy
from openclaw_host_commands.node.environment import build_environment
from openclaw_host_commands.node.executable import Executable, find_executable

__all__ = ["check_raw", "check_unchanged", "coverage", "denied", "prepare_run", "working_directory"]

_SHELL_FLAGS = re.compile(r"-[efluvx]+")
_INTERPRETER_FLAGS = re.compile(r"-[BObqsuvw]+")
"""Options that take no value and no code in any of them; anything else may hide what runs."""


async def prepare_run(args: PrepareParams, node: NodeContext) -> PrepareResult:
    """The plan for a command, the policy that would meet it, and what allow-always would add.

    Raises:
        CommandError: `INVALID_REQUEST` when `rawCommand` differs; `SYSTEM_RUN_DENIED` when
            the command cannot be pinned: no such program or script, or inline code.
    """
    check_raw(args)
    cwd, env = working_directory(args.cwd), build_environment(None)
    program = find_executable(args.command[0], cwd, env)
    if program is None:
        raise denied(f"no executable {args.command[0]!r} on the node; name one that system.which finds")
    argv = [program.path, *args.command[1:]]
    policy = read_policy(node.state_dir, args.agent_id)
    index = _operand_index(argv, program)
    plan = Plan(
        argv=argv,
        cwd=cwd,
        command_text=format_argv(argv),
        command_preview=shell_payload(argv),
        agent_id=args.agent_id,
        session_key=args.session_key,
        mutable_file_operand=None if index is None else await _pin(argv, index, cwd),
        policy_snapshot=policy.snapshot(),
    )
    return PrepareResult(
        plan=plan,
        exec_policy=ExecPolicy(security=policy.security, ask=policy.ask),
        allow_always_coverage=coverage(argv, program, cwd, env),
    )


def check_raw(args: PrepareParams) -> None:
    """Refuse a `rawCommand` that says something else than `command`."""
    if args.raw_command and args.raw_command.strip() and not matches_raw(args.command, args.raw_command):
        raise CommandError(
            "INVALID_REQUEST",
            f"rawCommand does not match command: got {args.raw_command!r},"
            f" command says {format_argv(args.command)!r}",
        )


def working_directory(cwd: str | None) -> str:
    """The absolute directory of a run: as asked (`~` allowed), else where the node host runs."""
    return os.path.abspath(os.path.expanduser(cwd)) if cwd else os.getcwd()


def denied(message: str) -> CommandError:
    """The refusal of a run, without the code repeated in the message."""
    return CommandError("SYSTEM_RUN_DENIED", message)


def coverage(
    argv: Sequence[str], program: Executable, cwd: str, env: Mapping[str, str]
) -> AllowAlwaysCoverage:
    """The entries that would allow exactly this command from now on; none when they could not."""
    words, inner = look_through(argv, program, cwd, env)
    if is_wrapper(inner) or is_interpreter(inner):
        return AllowAlwaysCoverage(complete=False, patterns=[])
    pattern = AllowPattern(pattern=inner.path, arg_pattern=re.escape(join_arguments(words[1:])))
    return AllowAlwaysCoverage(complete=True, patterns=[pattern])


async def check_unchanged(plan: Plan) -> str | None:
    """Why the plan no longer holds, or None."""
    operand = plan.mutable_file_operand
    if operand is None:
        return None
    if operand.argv_index >= len(plan.argv):
        return f"the plan pins argument {operand.argv_index}, but has only {len(plan.argv)}"
    named = _file_named(plan.argv[operand.argv_index], plan.cwd or os.getcwd())
    if named != operand.path:
        return f"the plan pins {operand.path}, but would run {named}"
    try:
        digest = await asyncio.to_thread(_digest, operand.path)
    except OSError as error:
        return f"{operand.path} cannot be read any more: {error.strerror}"
    return None if digest == operand.sha256 else f"{operand.path} changed after it was prepared"


def _operand_index(argv: Sequence[str], program: Executable) -> int | None:
    """Which argument is the file to pin; None when the words alone decide."""
    payload = shell_payload(argv)
    if payload is not None and plain_words(payload) is not None:
        return None
    shell = {os.path.basename(program.path), os.path.basename(program.real)} & SHELLS
    if not shell and not is_interpreter(program):
        return None if is_wrapper(program) else 0
    flags = _SHELL_FLAGS if shell else _INTERPRETER_FLAGS
    for index, word in enumerate(argv[1:], 1):
        if not word.startswith("-"):
            return index
        if not flags.fullmatch(word):
            break
    raise denied(
        f"an approval cannot pin what {program.name} runs here: no script file, or an option before it that"
        " may run something else. Put the code into a file and run that, or send one plain program"
    )


async def _pin(argv: Sequence[str], index: int, cwd: str) -> FileOperand:
    path = _file_named(argv[index], cwd)
    try:
        digest = await asyncio.to_thread(_digest, path)
    except OSError as error:
        raise denied(
            f"an approval needs an existing file, {path} cannot be read: {error.strerror}"
        ) from error
    return FileOperand(argv_index=index, path=path, sha256=digest)


def _file_named(word: str, cwd: str) -> str:
    return os.path.normpath(os.path.join(cwd, word))


def _digest(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
