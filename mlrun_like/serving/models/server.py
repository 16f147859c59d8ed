"""V2ModelServer: the base of steps that answer with a model's predictions."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.answering import Job, answering, do_job
from mlrun_like.serving.models.batches import Batches
from mlrun_like.serving.models.counting import Counts
from mlrun_like.serving.models.custom import custom_of
from mlrun_like.serving.models.definition import Definable
from mlrun_like.serving.models.loading import Loading
from mlrun_like.serving.models.pace import Pace
from mlrun_like.serving.models.tracking import Tracker
from mlrun_like.serving.models.warming import warm_up
from mlrun_like.serving.models.work import pump, pump_async
from mlrun_like.serving.protocol import Step

__all__ = ["V2ModelServer"]


class V2ModelServer(Definable, Step):
    """Subclass it, give `load` and `predict`, and use it as a step or as a router's route.

    A request `{"inputs": [...]}` passes `preprocess`, `validate`, `predict` and `postprocess`; the
    answer is `{"id", "model_name", "outputs", "timestamp"}`, with `model_version` if the name is
    `name:version`. The path, or `operation` in the body, chooses `infer` (default; also `predict`,
    `infer_dict`, `predict_dict`), `explain`, or the method `op_<name>`; `GET` of `ready`, `metrics`
    or nothing tells about the model.

    A step in a flow answers the same paths as a route of a router: `/v2/models/<name>/infer`,
    `/v2/health/ready`, `/v1/models/<name>:predict`, `/ping`, `/invocations`, and `/infer` alone.

    Args:
        context: The server's context (injected).
        name: The step's name (injected); the model's name in answers.
        model_path: Where `load` finds the model: a `store://models/...` URI, a folder or a file.
        model: A model that is loaded already.
        protocol: `v2` (requests have `inputs`) or `v1` (they have `instances`).
        input_path: Dotted path of the request in the body.
        result_path: Dotted path in the body where the answer is put.
        class_args: Further values for `get_param`. Known here: `warmup` (a request, a list of
            rows, or False), `load_mode` ("sync" or "async"), `batching` (see
            `mlrun_like.serving.batching`).

    >>> class Double(V2ModelServer):
    ...     def load(self):
    ...         self.model = 2
    ...     def predict(self, request):
    ...         return [self.model * value for value in request["inputs"]]
    >>> from mlrun_like.serving.definition.graph import flow
    >>> graph = flow()
    >>> step = graph.to(Double, "double").respond()
    >>> graph.to_mock_server().test(body={"inputs": [1, 2]})["outputs"]
    [2, 4]
    """

    def __init__(
        self,
        context: GraphContext | None = None,
        name: str = "",
        model_path: str = "",
        model: Any = None,
        protocol: str = "",
        input_path: str = "",
        result_path: str = "",
        **class_args: Any,
    ) -> None:
        if protocol not in ("", None, "v1", "v2"):
            raise InvalidArgumentError(
                f"protocol {protocol!r} is not one of: v1, v2", where=f"model {name!r}"
            )
        for injected in ("full_event", "graph_step"):
            class_args.pop(injected, None)
        self.context = context if context is not None else GraphContext()
        self.name, _, self.version = (name or "").partition(":")
        self.protocol = protocol or "v2"
        self.model_path = str(model_path or "")
        self.model = model
        self.model_spec: Any = None
        self.metrics: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.batching: Any = class_args.pop("batching", None)
        self.counts = Counts()
        self.tracker: Tracker | None = None
        self.loading = Loading(self.name)
        self._params = class_args
        self.input_path = input_path or ""
        self.result_path = result_path or ""
        self.custom = custom_of(type(self), V2ModelServer)
        self._batches: Batches | None = None
        self._paces: dict[str, Pace] = {}

    @property
    def ready(self) -> bool:
        """Whether the model is loaded and warm."""
        return self.loading.ready

    @ready.setter
    def ready(self, value: bool) -> None:
        self.loading.ready = value

    @property
    def error(self) -> Exception | None:
        """Why the model could not be loaded."""
        return self.loading.error

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Load the model and warm it up, once, before the first event.

        Args:
            mode: `async`: in a thread, while the server already answers other requests.
            values: Further values of MLRun, not used.

        Raises:
            StepError: if loading fails; errors of this package are raised as they are.
            InvalidArgumentError: if an option of tracking or batching cannot be used.
        """
        tracker = Tracker(self, self.context)
        self.tracker = tracker if tracker.enabled else None
        if self.batching:
            self._batches = Batches(self)
        mode = str(self._params.get("load_mode") or mode or "sync")
        self.loading.start(self._load, mode, self.context.logger)

    def _load(self) -> None:
        if self.model is None:
            self.load()
        stored = self.model_path.startswith("store://")
        known = not self.context.is_mock or self.context.tracked
        if self.model_spec is None and stored and known:
            self.use_record(resolve("mlrun_like.artifacts.item:get_artifact")(self.model_path))
        warm_up(self)
        if self.tracker is not None:
            self.tracker.ready()

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
        """The predictions for `request["inputs"]`, one each: a list, an array or a mapping.

        May be `async`, or a generator, whose values then stream to the caller as they come. With
        `batching` there must be one prediction for each row (a generator's values are lists with
        one each); without it, what is given is the answer.
        """
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
            InvalidArgumentError: if it has no list `inputs` (protocol v1: `instances`).
        """
        key = "inputs" if self.protocol == "v2" or "inputs" in request else "instances"
        if key not in request:
            raise InvalidArgumentError(
                f"the request has no {key!r}, only {sorted(map(str, request))!r:.100}",
                where=f"model {self.name!r}",
                fix=f'send {{"{key}": [...]}}',
            )
        if not isinstance(request[key], list):
            raise InvalidArgumentError(
                f"{key!r} is a {type(request[key]).__name__}, not a list",
                where=f"model {self.name!r}",
                fix=f'send {{"{key}": [...]}}',
            )
        return request

    def postprocess(self, response: dict[str, Any]) -> dict[str, Any]:
        """Change the answer."""
        return response

    def logged_results(
        self, request: dict[str, Any], response: dict[str, Any], op: str
    ) -> tuple[list[Any] | None, list[Any] | None]:
        """The inputs and outputs that the tracking stream records; None twice: the true ones."""
        return None, None

    def op_feedback(self, event: Event) -> dict[str, Any]:
        """`POST .../feedback`: labels that came later, by the ids of the answers."""
        return (self.tracker or Tracker(self, self.context)).feedback(event.body)

    def get_model(self, suffix: str = "") -> tuple[str, dict[str, Any]]:
        """The local path of the model file and its extra data; also fills `model_spec`.

        Args:
            suffix: Ending of the file, when the model is a folder.

        Raises:
            InvalidArgumentError: if the step has no model_path.
        """
        if not self.model_path:
            raise InvalidArgumentError(
                f"model {self.name!r} has no model_path", fix="model_path='store://models/...'"
            )
        get_model = resolve("mlrun_like.artifacts.models:get_model")
        path, record, extra = get_model(
            self.model_path, suffix, trust=bool(self.get_param("trust", False))
        )
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

    def set_metric(self, name: str, value: Any) -> None:
        """Set a metric of this model; shown by `GET .../metrics` and recorded by tracking."""
        self.metrics[name] = value

    def do_event(self, event: Event) -> Event:
        """Answer one event in this thread."""
        return pump(answering(self, event), do_job)

    async def do_event_async(self, event: Event) -> Event:
        """Answer one event for an event loop, which long predictions do not hold up."""
        if self.custom.answers:
            return await asyncio.to_thread(self.do_event, event)
        return await pump_async(answering(self, event), self._run_async)

    def close(self) -> None:
        """End batching, and write what tracking still holds."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None
        if self.tracker is not None:
            self.tracker.close()

    def pace(self, name: str) -> Pace:
        """What is known of how long a kind of call takes."""
        return self._paces.setdefault(name, Pace())

    def run(self, job: Job) -> Any:
        """Make a call in this thread, and learn how long it takes."""
        start = time.perf_counter()
        result = do_job(job)
        self.pace(job.name).note(time.perf_counter() - start, job.rows)
        return result

    async def _run_async(self, job: Job) -> Any:
        if self.batching and job.name == "predict":
            if self._batches is None:
                self._batches = Batches(self)
            if self._batches.takes(job.argument):
                return await self._batches.predict(job.argument)
        if job.is_async:
            return await job.call(job.argument)
        if self.pace(job.name).is_short(job.rows):
            return self.run(job)
        server = self.context.server
        executor = server.background.threads() if server is not None else None
        copied = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, copied.run, self.run, job)
