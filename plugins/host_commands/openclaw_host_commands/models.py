"""Params and results of the `system.*` commands (PROTOCOL 18.7, 18.8, 19).

Params ignore fields they do not know and take null for absent, as the programs in the
field send both. Results keep what they do not know: a real node's answer passes whole.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

__all__ = [
    "AllowAlwaysCoverage",
    "AllowPattern",
    "ApprovalsSnapshot",
    "ExecPolicy",
    "FileOperand",
    "GetApprovalsParams",
    "Milliseconds",
    "NotifyParams",
    "NotifyResult",
    "Params",
    "Plan",
    "PolicySnapshot",
    "PrepareParams",
    "PrepareResult",
    "Result",
    "RunParams",
    "RunResult",
    "SetApprovalsParams",
    "WhichParams",
    "WhichResult",
]

Security = Literal["deny", "allowlist", "full"]
Ask = Literal["off", "on-miss", "always"]


class Params(BaseModel):
    """What a caller sends."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,  # built when first used: a gateway that starts does not wait for it
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        strict=True,
    )


class Result(Params):
    """What a node answers; unknown fields stay. Fields in `omitted` are left out when None."""

    model_config = ConfigDict(extra="allow")
    omitted: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        wire: dict[str, Any] = handler(self)
        return {key: value for key, value in wire.items() if value is not None or key not in self.omitted}


def _whole_number(value: Any) -> Any:
    # JSON has one number type: 3.0 is the integer 3.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _argv(value: Any) -> Any:
    if not isinstance(value, list) or not value or not isinstance(value[0], str) or not value[0].strip():
        raise PydanticCustomError("command_required", "command required")
    return value


def _bins(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("bins_required", "bins required")
    return value


Milliseconds = Annotated[int, Field(ge=0), BeforeValidator(_whole_number)]
Argv = Annotated[list[str], BeforeValidator(_argv)]


class FileOperand(Result):
    """A file whose content a plan pins: `path` is `argv[argvIndex]` made absolute."""

    argv_index: Annotated[int, Field(ge=0), BeforeValidator(_whole_number)]
    path: str
    sha256: str


class PolicySnapshot(Result):
    """The node's policy at the time of the plan (19.1)."""

    security: str
    ask: str
    ask_fallback: str
    auto_allow_skills: bool
    allowlist_rules: list[dict[str, Any]]


class Plan(Result):
    """What exactly would run (19.1)."""

    omitted = frozenset({"mutableFileOperand", "policySnapshot"})

    argv: list[str]
    cwd: str | None
    command_text: str
    command_preview: str | None = None
    agent_id: str | None
    session_key: str | None
    mutable_file_operand: FileOperand | None = None
    policy_snapshot: PolicySnapshot | None = None


class PrepareParams(Params):
    """`system.run.prepare`: an argv to plan; `rawCommand` must say the same (19.1)."""

    command: Argv = Field(default=None, validate_default=True)
    raw_command: str | None = None
    cwd: str | None = None
    agent_id: str | None = None
    session_key: str | None = None


class ExecPolicy(Result):
    """The two settings a caller needs to know whether to ask."""

    security: str
    ask: str


class AllowPattern(Result):
    """An allowlist entry that "allow always" would add."""

    omitted = frozenset({"argPattern"})

    pattern: str
    arg_pattern: str | None = None


class AllowAlwaysCoverage(Result):
    """Whether allowlist entries alone could cover the command, and which."""

    complete: bool
    patterns: list[AllowPattern]


class PrepareResult(Result):
    """Answer of `system.run.prepare`."""

    plan: Plan
    exec_policy: ExecPolicy | None = None
    allow_always_coverage: AllowAlwaysCoverage | None = None


class RunParams(PrepareParams):
    """`system.run` (19.2). `timeout_ms` 0 or absent: no limit but the invoke's own budget.

    `approved`, `approval_decision` and `approval_source` reach a node only when the
    gateway found a matching approval.
    """

    system_run_plan: Plan | None = None
    env: dict[str, str] | None = None
    timeout_ms: Milliseconds | None = None
    needs_screen_recording: bool | None = None
    run_id: str | None = None
    suppress_notify_on_exit: bool | None = None
    approved: bool | None = None
    approval_decision: str | None = None
    approval_source: str | None = None


class RunResult(Result):
    """How a run ended (19.2). No `exitCode`: it never started, or a signal ended it."""

    omitted = frozenset({"exitCode"})

    exit_code: Annotated[int, BeforeValidator(_whole_number)] | None = None
    timed_out: bool
    success: bool
    stdout: str
    stderr: str
    error: str | None = None


class WhichParams(Params):
    """`system.which`: names to look up (18.8)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"bins": ["python3"]}]})

    bins: Annotated[list[str], BeforeValidator(_bins)] = Field(default=None, validate_default=True)


class WhichResult(Result):
    """Name → absolute path; names that were not found are absent."""

    bins: dict[str, str]


class NotifyParams(Params):
    """`system.notify`: title or body must be non-empty (18.7)."""

    title: str | None = None
    body: str | None = None
    sound: str | None = None
    priority: Literal["passive", "active", "timeSensitive"] | None = None
    delivery: Literal["system", "overlay", "auto"] | None = None

    @model_validator(mode="after")
    def _say_something(self) -> Self:
        if not (self.title or "").strip() and not (self.body or "").strip():
            raise PydanticCustomError("nothing_to_say", "title and body are empty; give at least one")
        return self


class NotifyResult(Result):
    """The notification was handed over."""

    ok: bool = True


class GetApprovalsParams(Params):
    """`system.execApprovals.get` takes nothing."""


class SetApprovalsParams(Params):
    """`system.execApprovals.set`: a whole new file, or a native policy of a desktop app."""

    file: dict[str, Any] | None = None
    native: dict[str, Any] | None = None
    base_hash: str | None = None


class ApprovalsSnapshot(Result):
    """A node's policy with the hash to quote when changing it (19.3).

    A desktop app with a native policy answers with other fields; they are kept.
    """

    omitted = frozenset({"path", "exists", "file", "hash"})

    path: str | None = None
    exists: bool | None = None
    file: dict[str, Any] | None = None
    hash: str | None = None
