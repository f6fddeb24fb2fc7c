"""Params of the family's RPC methods: closed objects, as the published schema has them (19.3, 19.4)."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from openclaw_host_commands.models import Params, Plan

__all__ = [
    "ApprovalIdParams",
    "ApprovalsFile",
    "ListApprovalsParams",
    "NodeApprovalsGetParams",
    "NodeApprovalsSetParams",
    "RequestApprovalParams",
    "ResolveApprovalParams",
]

NonEmpty = Annotated[str, Field(min_length=1)]
Count = Annotated[float, Field(ge=0)]


class Closed(Params):
    """An object without unknown fields."""

    model_config = ConfigDict(extra="forbid")


class Socket(Closed):
    path: str = ""
    token: str = ""


class Defaults(Closed):
    """Words, not enums: which ones mean something is the node's business."""

    security: str = ""
    ask: str = ""
    ask_fallback: str = ""
    auto_allow_skills: bool = False


class AllowEntry(Closed):
    """One allowed program (19.3)."""

    pattern: str
    id: NonEmpty = ""
    source: Literal["allow-always"] = "allow-always"
    command_text: str = ""
    arg_pattern: str = ""
    last_used_at: Count = 0
    last_used_command: str = ""
    last_resolved_path: str = ""


class McpTool(Closed):
    server: Annotated[str, Field(pattern=r"\S")]
    tool: Annotated[str, Field(pattern=r"\S")]
    source: Literal["allow-always"]
    added_at: Count
    last_used_at: Count = 0


class Agent(Defaults):
    """What one agent may do; the key `*` stands for all."""

    allowlist: list[AllowEntry] = Field(default_factory=list)
    mcp_tools: list[McpTool] = Field(default_factory=list)


class ApprovalsFile(Closed):
    """The policy file of a node (19.3). Fields that were not given are not sent on."""

    version: Annotated[float, Field(ge=1, le=1)]
    socket: Socket = Field(default_factory=Socket)
    defaults: Defaults = Field(default_factory=Defaults)
    agents: dict[str, Agent] = Field(default_factory=dict)


class NodeApprovalsGetParams(Closed):
    """`exec.approvals.node.get`."""

    node_id: NonEmpty


class NativeRule(Closed):
    pattern: NonEmpty
    action: Literal["allow", "deny", "prompt"]
    shells: list[NonEmpty] = Field(default_factory=list)
    description: str = ""
    enabled: bool = True


class NativePolicy(Closed):
    """The policy of a desktop app that keeps its own rules."""

    rules: list[NativeRule]
    default_action: Literal["allow", "deny", "prompt"] = "prompt"


class NodeApprovalsSetParams(Closed):
    """`exec.approvals.node.set`: exactly one of `file` and `native`; native needs `baseHash`."""

    node_id: NonEmpty
    file: ApprovalsFile | None = None
    native: NativePolicy | None = None
    base_hash: NonEmpty | None = None

    @model_validator(mode="after")
    def _one_policy(self) -> Self:
        given = self.model_fields_set
        if (self.file is None) == (self.native is None) or {"file", "native"} <= given:
            raise PydanticCustomError("one_policy", "give exactly one of file and native")
        if "base_hash" in given and self.base_hash is None:
            raise PydanticCustomError("null_hash", "baseHash must not be null; leave it out instead")
        if self.native is not None and self.base_hash is None:
            raise PydanticCustomError("native_hash", "native needs baseHash; read the policy first")
        return self

    def policy(self) -> dict[str, Any]:
        """What the node is sent: the params without `nodeId`, as given."""
        whole: BaseModel = self
        return whole.model_dump(mode="json", exclude_unset=True, exclude={"node_id"})


class ApprovalIdParams(Closed):
    """`exec.approval.get`, `exec.approval.waitDecision`."""

    id: NonEmpty


class ListApprovalsParams(Closed):
    """`exec.approval.list` takes nothing."""


class ResolveApprovalParams(Closed):
    """`exec.approval.resolve`; the decision's word is checked against what is allowed.

    `reviewer` and `grantExpiresInDays` are accepted for clients that send them; nothing
    here depends on them.
    """

    id: NonEmpty
    decision: NonEmpty
    reviewer: dict[str, str] | None = None
    grant_expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class RequestApprovalParams(Params):
    """`exec.approval.request` (19.4). Fields of other planes (channels, cron) are ignored.

    Attributes:
        timeout_ms: how long people have, in milliseconds; default 30 minutes.
        two_phase: answer at once and let `waitDecision` tell the outcome.
    """

    id: str | None = None
    command: str | None = None
    command_argv: list[str] | None = None
    system_run_plan: Plan | None = None
    env: dict[str, str] | None = None
    cwd: str | None = None
    node_id: str | None = None
    host: str | None = None
    security: str | None = None
    ask: str | None = None
    warning_text: str | None = None
    agent_id: str | None = None
    session_key: str | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1_800_000
    two_phase: bool = False
