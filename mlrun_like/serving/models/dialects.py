"""The forms in which a request and its answer travel; models see one form only.

| dialect | request | answer |
|---|---|---|
| MLRun's | `{"inputs": [row, ...]}` | `{"id", "model_name", "outputs": [...], ...}` |
| V1 (`/v1/models/NAME:predict`) | `{"instances": [row, ...]}` | `{"predictions": [...]}` |
| tensors (Open Inference Protocol) | `{"inputs": [{"name", "shape", "datatype", "data"}]}` | same |
| SageMaker (`/invocations`) | JSON of several forms, JSON lines, CSV | the same form |

The V1 protocol: https://kserve.github.io/website/latest/modelserving/data_plane/v1_protocol/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve
from mlrun_like.serving.codec import decode_request
from mlrun_like.serving.event import Event

__all__ = ["Dialect", "dialect_of"]


class Dialect:
    """MLRun's form: requests and answers travel as models see them.

    >>> Dialect().read({"inputs": [1]}, Event())
    {'inputs': [1]}
    """

    reads_bytes: ClassVar[bool] = False
    """Whether `read` wants the body as it came, not as JSON."""
    tells_id: ClassVar[bool] = True
    """Whether answers hold the request's id."""

    def read(self, body: Any, event: Event) -> dict[str, Any]:
        """The request in a body.

        Raises:
            InvalidArgumentError: if the body is not of this form.
        """
        if isinstance(body, (bytes, str)):
            body = decode_request(body, event.content_type)
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise InvalidArgumentError(
                f"the request is a {type(body).__name__}, not a mapping",
                fix='send {"inputs": [...]}',
            )
        return dict(body)

    def write(self, answer: dict[str, Any], request: Mapping[str, Any], event: Event) -> Any:
        """The body that carries an answer."""
        return answer


class _V1(Dialect):
    tells_id: ClassVar[bool] = False

    def read(self, body: Any, event: Event) -> dict[str, Any]:
        request = super().read(body, event)
        if event.method != "GET" and "instances" not in request:
            raise InvalidArgumentError(
                f"the request has no 'instances', only {sorted(map(str, request))!r:.100}",
                fix='send {"instances": [...]}, or {"inputs": [...]} to /v2/models/NAME/infer',
            )
        return {**request, "inputs": request.get("instances")}

    def write(self, answer: dict[str, Any], request: Mapping[str, Any], event: Event) -> Any:
        rest = {key: value for key, value in answer.items() if key == "model_version"}
        return {"predictions": answer.get("outputs"), **rest}


_PLAIN = Dialect()
_DIALECTS: dict[str, Dialect] = {"v1": _V1()}
_LATER = {
    "tensors": "mlrun_like.serving.models.tensors:TensorDialect",
    "binary": "mlrun_like.serving.models.binary:BinaryDialect",
    "sagemaker": "mlrun_like.serving.models.sagemaker:SageMakerDialect",
}
"""Dialects that need numpy or are rare, imported when they are first spoken."""


def dialect_of(body: Any, event: Event, named: str = "") -> Dialect:
    """The dialect a request is written in.

    Args:
        body: The request's body.
        event: Its event; the headers tell of binary tensors.
        named: What the path says: `v1`, `sagemaker`, or empty.
    """
    if named:
        return _found(named)
    if type(body) is dict:
        inputs = body.get("inputs")
        if type(inputs) is list and inputs:
            first = inputs[0]
            if type(first) is dict and "datatype" in first and "shape" in first:
                return _found("tensors")
        return _PLAIN
    if isinstance(body, bytes) and "inference-header-content-length" in event.headers:
        return _found("binary")
    return _PLAIN


def _found(name: str) -> Dialect:
    found = _DIALECTS.get(name)
    if found is None:
        found = _DIALECTS[name] = resolve(_LATER[name])()
    return found
