"""The gateway's log: lines for people or JSON for machines, and never a secret in either.

Records of this project and of the libraries go the same way, through `structlog`: time,
level, what is bound to the context (`conn`), then redaction, then the renderer.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO

import structlog

__all__ = ["LogFormat", "Redactor", "configure_logging"]

LogFormat = Literal["console", "json"]

REDACTED = "[redacted]"
_MOST_DEPTH = 6
# Compared without case, `-` and `_`. The whole name: `tokenDelivery` is no secret.
_SECRET_KEYS = frozenset(
    "token devicetoken bootstraptoken gatewaytoken accesstoken setupcode password passphrase secret "
    "signature authorization cookie apikey privatekey".split()
)
# The same names inside a text: `token=…`, `"password": "…"`, `Bearer …`.
_IN_TEXT = re.compile(
    r"""(?ix)
    (\b(?:(?:device|bootstrap|gateway|access)?[-_]?token|setup[-_]?code|passw(?:or)?d|passphrase|secret
        |signature|authorization|api[-_]?key|private[-_]?key)["']?\s*[:=]\s*["']?(?:bearer\s+)?|\bbearer\s+)
    [^\s"',;}\])]+
    """
)


class Redactor:
    """A structlog processor that takes secrets out of whatever is to be logged.

    Args:
        secrets: texts that must never appear, wherever they stand (the shared secret).
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        # A short secret would blank out half of every line, and protects nothing anyway.
        long_enough = {item for item in secrets if item and len(item) >= 4}
        self._secrets = tuple(sorted(long_enough, key=len, reverse=True))

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for key, value in event.items():
            event[key] = self._clean_item(key, value, 0)
        return event

    def clean_text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return _IN_TEXT.sub(rf"\1{REDACTED}", text)

    def _clean_item(self, key: Any, value: Any, depth: int) -> Any:
        if isinstance(key, str) and key.lower().replace("-", "").replace("_", "") in _SECRET_KEYS:
            return REDACTED
        return self._clean(value, depth)

    def _clean(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.clean_text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= _MOST_DEPTH:
            return self.clean_text(str(value))
        if isinstance(value, dict):
            return {key: self._clean_item(key, item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(item, depth + 1) for item in value]
        return self.clean_text(str(value))


def configure_logging(
    log_format: LogFormat = "console",
    secrets: Iterable[str | None] = (),
    stream: TextIO | None = None,
    level: str = "info",
) -> None:
    """Set up the log of this process, once, before anything is logged.

    Args:
        secrets: see `Redactor`.
        stream: stderr by default.
        level: the least important level that is shown, as `OPENCLAW_LOG_LEVEL` names it.
    """
    stream = stream if stream is not None else sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    prepare: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        Redactor(secrets),
    ]
    if log_format == "json":
        render: Any = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    else:
        render = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    structlog.configure(
        processors=[*prepare, render],
        logger_factory=structlog.PrintLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=[*prepare[:1], structlog.stdlib.add_logger_name, *prepare[1:]],
            keep_exc_info=False,
        )
    )
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    for chatty in ("alembic", "uvicorn", "websockets"):
        logging.getLogger(chatty).setLevel(max(threshold, logging.WARNING))
