"""The RPC methods `canvas.documents.put`, `list` and `remove`."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from openclaw_canvas.gateway.documents import Document, Documents, explain_id, explain_path
from openclaw_core.hookspecs import MethodContext, RpcMethod

__all__ = ["CHANGED", "DocumentMethods"]

READ, WRITE = "operator.read", "operator.write"
CHANGED = "canvas.documents.changed"
"""Broadcast `{id, change: "put" | "removed"}`, scope read."""


def _checked_id(value: str) -> str:
    return _refuse_if(explain_id(value), value)


def _checked_path(value: str) -> str:
    return _refuse_if(explain_path(value), value)


def _refuse_if(problem: str | None, value: str) -> str:
    if problem:
        raise PydanticCustomError("name", "{problem}", {"problem": problem})
    return value


DocumentId = Annotated[str, AfterValidator(_checked_id)]


class _Params(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        strict=True,
    )


class DocumentFile(_Params):
    """One file: its path inside the document, and its content as text or as base64."""

    path: Annotated[str, AfterValidator(_checked_path)] = "index.html"
    text: str | None = None
    base64: str | None = None

    @model_validator(mode="after")
    def _one_content(self) -> DocumentFile:
        if (self.text is None) == (self.base64 is None):
            raise PydanticCustomError("content", "needs exactly one of text and base64")
        try:
            self.content()
        except (binascii.Error, UnicodeEncodeError) as error:
            raise PydanticCustomError("content", "{problem}", {"problem": str(error)}) from None
        return self

    def content(self) -> bytes:
        """The bytes of the file."""
        if self.base64 is not None:
            return base64.b64decode(self.base64, validate=True)
        return (self.text or "").encode()


class PutParams(_Params):
    """`canvas.documents.put`: with `replace` false, files that are not named stay."""

    id: DocumentId
    files: Annotated[list[DocumentFile], Field(min_length=1, max_length=1_000)]
    replace: bool = True


class ListParams(_Params):
    """`canvas.documents.list` takes nothing."""


class RemoveParams(_Params):
    """`canvas.documents.remove`."""

    id: DocumentId


class DocumentMethods:
    """Their handlers; `documents` is set when the gateway starts."""

    documents: Documents

    def table(self) -> list[RpcMethod]:
        """Names, scopes, params, handlers."""
        return [
            RpcMethod("canvas.documents.put", WRITE, PutParams, self.put),
            RpcMethod("canvas.documents.list", READ, ListParams, self.list),
            RpcMethod("canvas.documents.remove", WRITE, RemoveParams, self.remove),
        ]

    async def put(self, args: PutParams, context: MethodContext) -> dict[str, Any]:
        """Store a document, whole or not at all."""
        files = {item.path: item.content() for item in args.files}
        document = await asyncio.to_thread(self.documents.put, args.id, files, replace=args.replace)
        context.broadcast(CHANGED, {"id": args.id, "change": "put"})
        return _describe(document)

    async def list(self, _args: ListParams, _context: MethodContext) -> dict[str, Any]:
        """Every document with its files."""
        found = await asyncio.to_thread(self.documents.all)
        return {"documents": [_describe(item) for item in found]}

    async def remove(self, args: RemoveParams, context: MethodContext) -> dict[str, Any]:
        """Delete a document."""
        await asyncio.to_thread(self.documents.remove, args.id)
        context.broadcast(CHANGED, {"id": args.id, "change": "removed"})
        return {"id": args.id}


def _describe(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "path": document.path,
        "bytes": sum(document.files.values()),
        "updatedAtMs": document.updated_at_ms,
        "files": [{"path": path, "bytes": size} for path, size in document.files.items()],
    }
