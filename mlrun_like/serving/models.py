"""V2ModelServer: the base of steps that answer with a model's predictions."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from mlrun_like.artifacts.models import get_model
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.serving.codec import decode
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.paths import get_path, set_path

__all__ = ["V2ModelServer"]

_OPERATIONS = ("infer", "predict", "explain")


class V2ModelServer:
    """Subclass it, give `load` and `predict`, and use it as a step.

    A request `{"inputs": [...]}` passes `preprocess`, `validate`, `predict` and `postprocess`; the
    answer is `{"id", "model_name", "outputs", "timestamp"}`. The path, or `operation` in the body,
    chooses `infer` (default; also `predict`), `explain`, or the method `op_<name>`; `GET` without
    a path gives the model's metadata, `GET ready` tells whether it is loaded.

    Args:
        context: The server's context (injected).
        name: The step's name (injected); the model's name in answers.
        model_path: Where `load` finds the model: a `store://models/...` URI, a folder or a file.
        model: A model that is loaded already.
        input_path: Dotted path of the request in the body.
        result_path: Dotted path in the body where the answer is put.
        class_args: Further values for `get_param`.

    >>> class Double(V2ModelServer):
    ...     def load(self):
    ...         self.model = 2
    ...     def predict(self, request):
    ...         return [self.model * value for value in request["inputs"]]
    >>> from mlrun_like.serving.graph import flow
    >>> graph = flow()
    >>> step = graph.to(Double, "double").respond()
    >>> graph.to_mock_server().test(body={"inputs": [1, 2]})["outputs"]
    [2, 4]
    """

    blocking: ClassVar[bool] = True
    """Predictions take long, so the step runs in a thread of the server."""

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        model_path: str = "",
        model: Any = None,
        input_path: str = "",
        result_path: str = "",
        **class_args: Any,
    ) -> None:
        self.context = context or GraphContext()
        self.name, _, self.version = name.partition(":")
        self.model_path = model_path
        self.model = model
        self.ready = False
        self.model_spec: Any = None
        self.metrics: dict[str, float] = {}
        self._params = class_args
        self._input_path = input_path
        self._result_path = result_path

    def post_init(self) -> None:
        """Load the model, once, before the first event."""
        if self.model is None:
            self.load()
        self.ready = True

    def load(self) -> None:
        """Set `self.model`; `self.get_model()` fetches the file.

        Raises:
            InvalidArgumentError: if a subclass neither overrides it nor is given a model.
        """
        raise InvalidArgumentError(
            f"{type(self).__name__} has no model to serve",
            where=f"model {self.name!r}",
            fix="override load(self) and set self.model there, or pass model=",
        )

    def predict(self, request: dict[str, Any]) -> Any:
        """The predictions for `request["inputs"]`, one each; a list or an array."""
        raise InvalidArgumentError(
            f"{type(self).__name__} cannot predict",
            where=f"model {self.name!r}",
            fix="override predict(self, request)",
        )

    def explain(self, request: dict[str, Any]) -> Any:
        """Explanations for `request["inputs"]`, one each."""
        raise InvalidArgumentError(
            f"{type(self).__name__} cannot explain its predictions",
            where=f"model {self.name!r}",
            fix="override explain(self, request)",
        )

    def preprocess(self, request: dict[str, Any], operation: str) -> dict[str, Any]:
        """Change the request before it is validated."""
        return request

    def validate(self, request: dict[str, Any], operation: str) -> dict[str, Any]:
        """Return the request if it can be served.

        Raises:
            InvalidArgumentError: if it has no list `inputs`.
        """
        if "inputs" not in request:
            raise InvalidArgumentError(
                f"the request has no 'inputs', only {sorted(map(str, request))!r:.100}",
                fix='send {"inputs": [...]}',
            )
        if not isinstance(request["inputs"], list):
            raise InvalidArgumentError(
                f"'inputs' is a {type(request['inputs']).__name__}, not a list",
                fix='send {"inputs": [...]}',
            )
        return request

    def postprocess(self, response: dict[str, Any]) -> dict[str, Any]:
        """Change the answer."""
        return response

    def get_model(self, suffix: str = "") -> tuple[str, dict[str, Any]]:
        """The local path of the model file and its extra data; also fills `model_spec`.

        Args:
            suffix: Ending of the file, when the model is a folder.
        """
        path, record, extra = get_model(self.model_path, suffix)
        self.use_record(record)
        return path, extra

    def use_record(self, record: Any) -> None:
        """Take metadata and parameters from the model's artifact; None: there is none."""
        self.model_spec = record
        recorded = dict(record.spec.parameters) if record is not None else {}
        self._params = {**recorded, **self._params}

    def get_param(self, key: str, default: Any = None) -> Any:
        """A value given with the step or recorded with the model, else the graph's, else default.

        Values given with the step win.
        """
        return self._params[key] if key in self._params else self.context.get_param(key, default)

    def set_metric(self, name: str, value: float) -> None:
        """Set a metric of this model."""
        self.metrics[name] = value

    def do_event(self, event: Event) -> Event:
        """Answer one event."""
        if isinstance(event.body, (bytes, str)):
            event.body = decode(event.body)
        body = get_path(event.body, self._input_path) if event.body is not None else {}
        if not isinstance(body, dict):
            raise InvalidArgumentError(
                f"the request is a {type(body).__name__}, not a mapping",
                where=f"model {self.name!r}",
                fix='send {"inputs": [...]}',
            )
        operation = event.path.strip("/").rpartition("/")[2] or body.get("operation") or ""
        if event.method == "GET" and operation in ("", "ready"):
            event.body = self._metadata() if not operation else self._readiness()
            event.terminated = True
            return event
        answer = self._operate(operation or "infer", dict(body), event)
        if isinstance(answer, Response):
            event.body = answer
        else:
            event.body = set_path(event.body, self._result_path, answer)
        return event

    def _operate(self, operation: str, body: dict[str, Any], event: Event) -> Any:
        custom: Callable[[Event], Any] | None = getattr(self, f"op_{operation}", None)
        if operation not in _OPERATIONS:
            if custom is None:
                raise NotFoundError(
                    f"model {self.name!r} has no operation {operation!r:.60}",
                    fix=f"use one of: {', '.join(_OPERATIONS)}, or define op_<name>",
                )
            return custom(event)
        if event.method == "GET":
            error = {"error": f"{operation} needs POST with a body", "code": "method"}
            return Response(error, 405, {"allow": "POST"})
        request = self.validate(self.preprocess(body, operation), operation)
        answer = self.explain if operation == "explain" else self.predict
        response: dict[str, Any] = {
            "id": request.get("id", event.id),
            "model_name": self.name,
            "outputs": _plain(answer(request)),
        }
        if operation != "explain":
            response["timestamp"] = datetime.datetime.now(datetime.timezone.utc).isoformat()
        if self.version:
            response["model_version"] = self.version
        return self.postprocess(response)

    def _readiness(self) -> Response:
        return Response({"ready": self.ready}, 200 if self.ready else 408)

    def _metadata(self) -> Mapping[str, Any]:
        spec = self.model_spec.spec if self.model_spec else None
        return {
            "name": self.name,
            "version": self.version,
            "inputs": spec.inputs if spec else [],
            "outputs": spec.outputs if spec else [],
        }


def _plain(outputs: Any) -> Any:
    """Arrays as lists; other values stay."""
    tolist = getattr(outputs, "tolist", None)
    return outputs if tolist is None else tolist()
