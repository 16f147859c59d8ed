"""Tensors with binary data: JSON, then the bytes of each tensor, in one body.

https://github.com/kserve/open-inference-protocol, extension `binary_tensor_data`: the header
`Inference-Header-Content-Length` says where the JSON ends; a tensor whose parameters have
`binary_data_size` has its data there, in the order of the tensors.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, encode
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.tensors import (
    DATATYPES,
    TensorDialect,
    read_tensor,
)

__all__ = ["HEADER", "BinaryDialect"]

HEADER = "inference-header-content-length"


class BinaryDialect(TensorDialect):
    """Requests with binary tensors; the answer has them where the request asks for it.

    A request asks with `{"parameters": {"binary_data_output": true}}`, or for one output with
    `{"outputs": [{"name": ..., "parameters": {"binary_data": true}}]}`.
    """

    reads_bytes: ClassVar[bool] = True

    def read(self, body: Any, event: Event) -> dict[str, Any]:
        """The request, its tensors as rows.

        Raises:
            InvalidArgumentError: if the header or a size does not fit the body.
        """
        if isinstance(body, dict):
            return super().read(body, event)
        text = event.headers.get(HEADER, "")
        size = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
        if not isinstance(body, bytes) or not 0 < size <= len(body):
            raise InvalidArgumentError(
                f"{HEADER}: {text!r:.30} is not a size within the body",
                fix="give the number of bytes of the JSON part",
            )
        request = decode(body[:size])
        if not isinstance(request, dict) or not isinstance(request.get("inputs"), list):
            raise InvalidArgumentError(
                "the JSON part has no list 'inputs'", fix='{"inputs": [{"name": ...}]}'
            )
        rest, tensors = memoryview(body)[size:], []
        for number, item in enumerate(request["inputs"]):
            parameters = item.get("parameters") if isinstance(item, dict) else None
            count = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
            if count is None:
                tensors.append(item)
                continue
            if type(count) is not int or not 0 <= count <= len(rest):
                raise InvalidArgumentError(
                    f"tensor {number}: binary_data_size is {count!r:.30}, but {len(rest)} bytes "
                    "are left",
                    fix="give the number of bytes of each tensor's data",
                )
            tensors.append({**item, "data": _unpacked(rest[:count], item, number)})
            rest = rest[count:]
        if rest:
            raise InvalidArgumentError(
                f"{len(rest)} bytes of the body belong to no tensor",
                fix="give binary_data_size of each tensor",
            )
        return super().read({**request, "inputs": tensors}, event)

    def write(self, answer: dict[str, Any], request: Mapping[str, Any], event: Event) -> Any:
        """The answer as JSON, or as JSON and bytes."""
        body = super().write(answer, request, event)
        parameters = request.get("parameters")
        every = isinstance(parameters, dict) and bool(parameters.get("binary_data_output"))
        wanted = {
            item["name"]: bool((item.get("parameters") or {}).get("binary_data", every))
            for item in request.get("requested_outputs") or ()
        }
        parts: list[bytes] = []
        for tensor in body["outputs"]:
            if wanted.get(tensor["name"], every):
                packed = _packed(tensor.pop("data"), tensor["datatype"])
                tensor["parameters"] = {
                    **tensor.get("parameters", {}),
                    "binary_data_size": len(packed),
                }
                parts.append(packed)
        if not parts:
            return body
        head = encode(body)
        return Response(
            b"".join([head, *parts]),
            headers={HEADER: str(len(head))},
            content_type="application/octet-stream",
        )


def _unpacked(data: memoryview, item: Mapping[str, Any], number: int) -> list[Any]:
    kind = item.get("datatype")
    if not isinstance(kind, str) or kind not in DATATYPES:
        read_tensor({**item, "data": []}, number)  # says what is wrong
        return []
    if kind == "BYTES":
        return _texts(data, number)
    width = numpy.dtype(DATATYPES[kind]).itemsize
    if len(data) % width:
        raise InvalidArgumentError(
            f"tensor {number}: {len(data)} bytes are not a whole number of {kind} values"
        )
    dtype = numpy.dtype(DATATYPES[kind]).newbyteorder("<")
    found: list[Any] = numpy.frombuffer(data, dtype=dtype).tolist()
    return found


def _texts(data: memoryview, number: int) -> list[str]:
    found, at = [], 0
    while at < len(data):
        size = struct.unpack_from("<I", data, at)[0] if at + 4 <= len(data) else len(data)
        at += 4
        if at + size > len(data):
            raise InvalidArgumentError(f"tensor {number}: the last text is cut off")
        found.append(bytes(data[at : at + size]).decode("utf-8", "replace"))
        at += size
    return found


def _packed(values: list[Any], kind: str) -> bytes:
    if kind != "BYTES":
        dtype = numpy.dtype(DATATYPES[kind]).newbyteorder("<")
        return numpy.asarray(values, dtype=dtype).tobytes()
    texts = [str(value).encode() for value in values]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)
