"""One CLI command against one gateway: its flags, its single connection, its output."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openclaw_core.cli import failure
from openclaw_core.cli.endpoint import Flags, choose_endpoint
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.waiting import Waiting
from openclaw_core.endpoint import Endpoint
from openclaw_core.errors import RpcError

if TYPE_CHECKING:
    from openclaw_core.client.connection import Connection
    from openclaw_core.protocol.connect import HelloOk

__all__ = [
    "ADMIN",
    "APPROVALS",
    "PAIRING",
    "READ",
    "WRITE",
    "Call",
    "as_command",
    "gateway_command",
    "load_endpoint",
    "run_call",
]

READ, WRITE = "operator.read", "operator.write"
PAIRING, ADMIN, APPROVALS = "operator.pairing", "operator.admin", "operator.approvals"

Body = Callable[..., Awaitable[None]]

_UrlFlag = Annotated[
    str | None, typer.Option("--url", help="Gateway WebSocket URL; default: the configured or local one.")
]
_TokenFlag = Annotated[str | None, typer.Option("--token", help="Gateway token.")]
_PasswordFlag = Annotated[str | None, typer.Option("--password", help="Gateway password.")]
_TimeoutFlag = Annotated[int, typer.Option("--timeout", min=1, help="How long to wait, in milliseconds.")]
_FingerprintFlag = Annotated[
    str | None, typer.Option("--tls-fingerprint", help="SHA-256 of the one certificate to accept.")
]
_JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Call:
    """The connection of one command; opened by the first request, closed by `close`.

    Args:
        endpoint: gateway and credential.
        flags: what the person typed.
        scopes: operator scopes the command cannot do without.
        extra_scopes: scopes it may need; asked for at once when the shared secret gives
            them freely, else only when the gateway names them as missing.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        flags: Flags,
        scopes: tuple[str, ...] = (READ,),
        extra_scopes: tuple[str, ...] = (),
    ) -> None:
        self.endpoint = endpoint
        self.flags = flags
        self.as_json = flags.as_json
        self._scopes = scopes if endpoint.needs_identity else (*scopes, *extra_scopes)
        self._connection: Connection | None = None

    async def hello(self) -> HelloOk:
        """What the gateway said of itself and granted to this connection (3.7)."""
        return (await self._connected()).hello

    async def request(self, method: str, params: Any = None, timeout_ms: int | None = None) -> Any:
        """Call a method; default timeout is `--timeout`.

        Raises:
            RpcError: the gateway refused, or did not answer in time.
            GatewayUnreachableError: nobody is there.
        """
        params, timeout_ms = {} if params is None else params, timeout_ms or self.flags.timeout_ms
        with Waiting(f"waiting for the gateway: {method}", quiet=self.as_json):
            return await self._ask(
                lambda connection: connection.request(method, params, timeout_ms=timeout_ms)
            )

    async def invoke(
        self, params: dict[str, Any], timeout_ms: int, on_progress: Callable[[str], None] | None = None
    ) -> Any:
        """Call `node.invoke`; when the command is interrupted, the work on the node is, too.

        Raises:
            As `request`.
        """
        from openclaw_core.client.invokes import invoke_node

        with Waiting(f"waiting for the node: {params.get('command')}", quiet=self.as_json) as waiting:

            def show(chunk: str) -> None:
                waiting.end()
                if on_progress is not None:
                    on_progress(chunk)

            return await self._ask(
                lambda connection: invoke_node(
                    connection, params, timeout_ms=timeout_ms, on_progress=show if on_progress else None
                )
            )

    async def _ask(self, ask: Callable[[Connection], Awaitable[Any]]) -> Any:
        connection = await self._connected()
        try:
            return await ask(connection)
        except RpcError as error:
            missing = _missing_scopes(error, self._scopes)
            if not missing:
                raise
            # Nothing was done yet: the scope check comes first. Ask again with what it takes.
            await self.close()
            self._scopes = (*self._scopes, *missing)
            return await ask(await self._connected())

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    def show(self, value: Any, *lines: str) -> None:
        """Print `value` with `--json`, else the lines."""
        if self.as_json:
            print_json(value)
            return
        for line in lines:
            print_line(line)

    async def _connected(self) -> Connection:
        if self._connection is None:
            from openclaw_core.client.local import dial

            self._connection = await dial(self.endpoint, self._scopes)
        return self._connection


def _missing_scopes(error: RpcError, asked: tuple[str, ...]) -> tuple[str, ...]:
    details = error.details or {}
    if details.get("code") != "MISSING_SCOPE":
        return ()
    wanted = [details.get("missingScope"), *(details.get("requiredScopes") or ())]
    return tuple(dict.fromkeys(scope for scope in wanted if isinstance(scope, str) and scope not in asked))


def load_endpoint(flags: Flags) -> Endpoint:
    """The endpoint that flags, environment and `openclaw.json` name.

    Raises:
        ConfigError: the settings are wrong.
        CliError: `--url` without a credential.
    """
    from openclaw_core.config import load_settings

    return choose_endpoint(flags, load_settings())


def run_call(call: Call, body: Callable[[], Awaitable[None]]) -> None:
    """Run a command's body on its own event loop and close the connection after it."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(call.close)
            await body()

    asyncio.run(run())


def gateway_command(
    app: typer.Typer,
    name: str,
    *scopes: str,
    extra_scopes: tuple[str, ...] = (),
    doing: str | None = None,
) -> Callable[[Body], Body]:
    """Register `async body(call, …)` as a command that also has the connection flags.

    The parameters after `call` become the command's own options; the docstring its help.
    `doing` is what its error line begins with, as for `failure.report`.
    """

    def register(body: Body) -> Body:
        app.command(name)(as_command(body, *scopes, extra_scopes=extra_scopes, doing=doing))
        return body

    return register


def as_command(
    body: Body, *scopes: str, extra_scopes: tuple[str, ...] = (), doing: str | None = None
) -> Callable[..., None]:
    """`async body(call, …)` as typer wants it; the names as for `gateway_command`."""

    def run(**values: Any) -> None:
        flags = Flags(**{field: values.pop(field) for field in _SHARED})
        with failure.funnel(as_json=flags.as_json, doing=doing):
            call = Call(load_endpoint(flags), flags, scopes, extra_scopes)
            run_call(call, lambda: body(call, **values))

    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
    signature = inspect.Signature([*own, *_SHARED.values()])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in signature.parameters.values()}
    run.__doc__ = body.__doc__
    return run


def _shared(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_SHARED = {
    "url": _shared("url", _UrlFlag, None),
    "token": _shared("token", _TokenFlag, None),
    "password": _shared("password", _PasswordFlag, None),
    "timeout_ms": _shared("timeout_ms", _TimeoutFlag, 30_000),
    "as_json": _shared("as_json", _JsonFlag, False),
    "tls_fingerprint": _shared("tls_fingerprint", _FingerprintFlag, None),
}
