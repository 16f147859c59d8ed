"""VotingEnsemble: models vote, and the answer is what they agree on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.address import Address
from mlrun_like.serving.models.ballots import VOTE_TYPES, kind_of, majority, mean
from mlrun_like.serving.models.calling import Calls, given, outcome
from mlrun_like.serving.models.dialects import dialect_of
from mlrun_like.serving.models.moment import now
from mlrun_like.serving.models.pace import Pace
from mlrun_like.serving.models.parallel import ParallelRun, told
from mlrun_like.serving.models.server import V2ModelServer
from mlrun_like.serving.models.tracking import Tracker
from mlrun_like.serving.models.weights import normalized
from mlrun_like.serving.models.work import Work

__all__ = ["VotingEnsemble"]


class VotingEnsemble(ParallelRun):
    """Asks all models, and answers with their vote.

    `/v2/models/infer` and `/v2/models/<ensemble>/infer` ask the ensemble, as does `POST /`;
    `/v2/models/<model>/infer` asks one model. Each model must give one prediction per row, as a
    list or (with `prediction_col_name`) as a mapping that holds such a list.

    Args:
        context: The server's context (injected).
        name: The ensemble's name (injected); `VotingEnsemble` by default.
        routes: The models by name (injected).
        protocol: As for every router.
        url_prefix: As for every router.
        health_prefix: As for every router.
        vote_type: `classification` (the label with the greatest sum of weights; of equal ones the
            smallest) or `regression` (the weighted mean). By default the types of the predictions
            say it in each request: floats (and lists of numbers) are averaged; whole numbers,
            texts and booleans are labels.
        weights: A weight for each model, in any scale; models that are not named count as 0. By
            default all count the same.
        executor_type: As for ParallelRun.
        format_response_with_col_name_flag: Answer with `{"outputs": {column: [...]}}`, which is
            also done when a model answers so.
        prediction_col_name: The name of that column.
        class_args: Those of ParallelRun; `version`, the ensemble's version in answers. With
            `on_error="skip"`, models that fail do not vote, and the answer's `errors` names them.

    Raises:
        InvalidArgumentError: if an argument cannot be used.
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        context: GraphContext | None = None,
        name: str = "",
        routes: Mapping[str, Route] | None = None,
        protocol: str = "",
        url_prefix: str = "",
        health_prefix: str = "",
        vote_type: str | None = None,
        weights: Mapping[str, float] | None = None,
        executor_type: str = "thread",
        format_response_with_col_name_flag: bool = False,
        prediction_col_name: str = "prediction",
        **class_args: Any,
    ) -> None:
        super().__init__(
            context, name, routes, protocol, url_prefix, health_prefix,
            None, executor_type, **class_args,
        )  # fmt: skip
        if vote_type not in (None, "", *VOTE_TYPES):
            raise InvalidArgumentError(
                f"vote_type {vote_type!r:.60} is not one of: {', '.join(VOTE_TYPES)}",
                where=f"router {self.name!r}",
            )
        self.vote_type = vote_type or None
        self.weights = weights
        self.format_response_with_col_name_flag = format_response_with_col_name_flag
        self.prediction_col_name = prediction_col_name or "prediction"
        self.version = str(class_args.get("version") or "v1")
        self.labels: dict[str, str] = {}
        self.metrics: dict[str, Any] = {}
        self.tracker: Tracker | None = None
        self._weights: dict[str, float] = {}
        self._pace = Pace()

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Check the weights; start what the executor needs, and tracking."""
        self._weights = normalized(self.weights, list(self.routes), self.name)
        super().post_init(mode, **values)
        tracker = Tracker(self, self.context)
        self.tracker = tracker if tracker.enabled else None
        if self.tracker is not None:
            self.tracker.ready()

    def models(self) -> list[str]:
        """The models, and the ensemble itself."""
        return [*self.routes, self.name]

    def logic(self, predictions: Any, weights: Any) -> list[Any]:
        """One prediction per row; override it for a vote of your own.

        Args:
            predictions: An array with a row for each sample and a column for each model.
            weights: An array with the weights of the models, whose sum is 1.
        """
        kind = self.vote_type or kind_of(predictions)
        vote = majority if kind == "classification" else mean
        return vote(predictions, weights)

    def handle(self, event: Event, place: Address) -> Work[Calls, Event]:
        """Call one model, or all of them and vote."""
        model, operation = self.asked(event, place, self.name)
        if model == self.name:
            if event.method == "GET":
                return self._tell(event, operation)
            event.path = operation
            if operation == "feedback" and self.tracker is not None:
                event.body = self.tracker.feedback(event.body)
                return event
            return (yield from self._vote(event, place, operation))
        route = self.find(model)
        if route is None:
            raise self.unknown(model)
        event.path = operation
        (answer,) = yield [(route, event)]
        return given(answer)

    def _call(self, calls: Calls) -> list[Event | Exception]:
        """Models that are faster than a hop to threads and back are asked one after the other."""
        plain = all(isinstance(route.object, V2ModelServer) for route, _ in calls)
        if self.executor_type != "thread" or self.limited or not plain:
            return super()._call(calls)
        body = calls[0][1].body
        inputs = body.get("inputs") if isinstance(body, dict) else None
        rows = len(inputs) if isinstance(inputs, list) else 1
        start = time.perf_counter()
        if self._pace.is_short(rows):
            found = [outcome(*call) for call in calls]
            self._pace.note(time.perf_counter() - start, rows)
        else:
            before = [route.object.counts.seconds for route, _ in calls]
            found = super()._call(calls)
            after = [route.object.counts.seconds for route, _ in calls]
            self._pace.note(sum(after) - sum(before), rows)
        return found

    def _vote(self, event: Event, place: Address, operation: str) -> Work[Calls, Event]:
        start, when = time.perf_counter(), now()
        dialect = dialect_of(event.body, event, place.dialect)
        request = dialect.read(event.body, event)
        try:
            if not isinstance(request.get(self.inputs_key, request.get("inputs")), list):
                raise InvalidArgumentError(
                    f"the request has no list {self.inputs_key!r}",
                    where=f"router {self.name!r}",
                    fix=f'send {{"{self.inputs_key}": [...]}}',
                )
            event.body = request
            results, failures = yield from self.run_routes(event, list(self.routes.values()))
            response = {
                "id": request.get("id", event.id),
                "model_name": self.name,
                "outputs": self._outcome(results),
                "model_version": self.version,
            }
            if failures:
                response["errors"] = told(failures)
        except Exception as exc:
            if self.tracker is not None and self.tracker.active:
                seconds = time.perf_counter() - start
                self.tracker.push_error(when, seconds, request, operation, exc, event)
            raise
        if self.tracker is not None and self.tracker.active:
            seconds = time.perf_counter() - start
            told_request = {"id": event.id, **request}
            self.tracker.push(when, seconds, told_request, response, operation, event)
        event.body = dialect.write(response, request, event)
        return event

    def _outcome(self, results: Mapping[str, Any]) -> Any:
        """The vote over the routes' answers, in the form that they have."""
        named = self.format_response_with_col_name_flag
        columns: dict[str, Any] = {}
        for name, result in results.items():
            outputs = result.get("outputs") if isinstance(result, Mapping) else result
            if isinstance(outputs, Mapping):
                named = True
                if self.prediction_col_name not in outputs:
                    raise StepError(
                        f"route {name!r} gave no {self.prediction_col_name!r}, only "
                        f"{sorted(map(str, outputs))!r:.100}",
                        where=f"router {self.name!r}",
                        fix="prediction_col_name= the name of the predictions",
                        step=name,
                    )
                outputs = outputs[self.prediction_col_name]
            columns[name] = _listed(outputs)
        single = not any(isinstance(column, (list, tuple)) for column in columns.values())
        votes: Any = self._votes({k: [v] for k, v in columns.items()} if single else columns)
        votes = votes[0] if single else votes
        return {self.prediction_col_name: votes} if named else votes

    def _votes(self, columns: Mapping[str, Any]) -> list[Any]:
        sizes = {
            name: len(c) if isinstance(c, (list, tuple)) else -1 for name, c in columns.items()
        }
        if len(set(sizes.values())) > 1:
            raise StepError(
                f"the routes gave different numbers of predictions: {sizes}",
                where=f"router {self.name!r}",
                fix="each route must give one prediction per row",
            )
        shares = [self._weights.get(name, 0.0) for name in columns]
        total = sum(shares)
        if total <= 0:
            raise StepError(
                "all routes that answered have the weight 0", where=f"router {self.name!r}"
            )
        rows = list(zip(*columns.values(), strict=True))
        weights = numpy.asarray(shares) / total
        try:
            found: list[Any] = _listed(self.logic(_array(rows), weights))
        except MLRunLikeError as exc:
            exc.where = exc.where or f"router {self.name!r}"
            raise
        return found

    def listing(self) -> dict[str, Any]:
        """The models, the ensemble itself, and the weights."""
        return {**super().listing(), "weights": dict(self._weights)}

    def _tell(self, event: Event, operation: str) -> Event:
        event.terminated = True
        if operation == "ready":
            good = all(self.is_ready().values())
            event.body = Response({"ready": good}, 200 if good else 408)
            return event
        event.body = {
            "name": self.name,
            "version": self.version,
            "inputs": self._recorded("inputs"),
            "outputs": self._recorded("outputs"),
            "models": list(self.routes),
            "weights": dict(self._weights),
        }
        return event

    def _recorded(self, key: str) -> list[Any]:
        """The columns that the first model with a record has."""
        for route in self.routes.values():
            record = getattr(route.object, "model_spec", None)
            found = getattr(record.spec, key) if record is not None else None
            if found:
                return list(found)
        return []


def _array(rows: list[Any]) -> Any:
    """Rows as an array that keeps each value's type."""
    kinds = {type(value) for row in rows for value in row}
    if len(kinds) == 1 and next(iter(kinds)) in (int, float, bool):
        return numpy.asarray(rows)
    found = numpy.empty((len(rows), len(rows[0]) if rows else 0), dtype=object)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            found[number, column] = value
    return found


def _listed(values: Any) -> Any:
    tolist = getattr(values, "tolist", None)
    return values if tolist is None else tolist()
