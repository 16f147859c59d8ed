"""The first predictions of a model, made before anybody waits for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.answering import Job
from mlrun_like.serving.models.dialects import dialect_of

if TYPE_CHECKING:
    from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["sample_request", "warm_up"]

_ZEROS: Mapping[str, Any] = {"float": 0.0, "int": 0, "bool": False, "str": ""}


def warm_up(model: V2ModelServer) -> None:
    """Predict twice: the first time loads what is lazy, the second tells how long it takes.

    The request is the class argument `warmup` (a request or a list of rows; False: none). Without
    one it is a row of typical values, if the model's artifact records its columns; then a failure
    is logged only.

    Raises:
        InvalidArgumentError: if the given request fails.
    """
    given = model.get_param("warmup", None)
    if given is False:
        return
    asked = given not in (None, True)
    body = given if asked else sample_request(model.model_spec)
    if isinstance(body, list):
        body = {"inputs": body}
    if body is None:
        return
    try:
        request = dialect_of(body, Event()).read(body, Event())
        for _ in range(2):
            model.pace("predict").forget()
            prepared = model.validate(model.preprocess(dict(request), "infer"), "infer")
            rows = len(prepared["inputs"]) if isinstance(prepared.get("inputs"), list) else 1
            outputs = model.run(Job("predict", model.predict, prepared, rows))
            if inspect.isgenerator(outputs):
                next(outputs, None)
                outputs.close()
    except Exception as exc:  # users' code may raise anything
        if asked:
            raise InvalidArgumentError(
                f"model {model.name!r} failed on its warm-up request: {type(exc).__name__}: {exc}",
                where=f"warmup={given!r:.100}",
                fix="give a request that the model can answer, or warmup=False",
            ) from exc
        model.context.logger.warning(
            "model %r could not be warmed up with a row of typical values (%s: %s); give "
            "warmup={'inputs': [...]}, or warmup=False",
            model.name,
            type(exc).__name__,
            exc,
        )


def sample_request(record: Any) -> dict[str, Any] | None:
    """A request with one row, from the columns and statistics that a model's artifact records.

    >>> from mlrun_like.artifacts.model import ModelArtifact
    >>> net = ModelArtifact("net", inputs=[{"name": "age", "value_type": "int"}])
    >>> sample_request(net)
    {'inputs': [[0]]}
    """
    if record is None or not record.spec.inputs:
        return None
    row = []
    for feature in record.spec.inputs:
        kind = str(feature.get("value_type", ""))
        found = _typical(kind, record.spec.feature_stats.get(str(feature.get("name")), {}))
        if found is None:
            return None
        row.append(found)
    return {"inputs": [row]}


def _typical(kind: str, stats: Mapping[str, Any]) -> Any:
    """A value of this type, the mean or the most frequent one where that is known."""
    middle = stats.get("mean")
    if kind in ("float", "int") and isinstance(middle, (int, float)):
        return int(middle) if kind == "int" else float(middle)
    if kind == "str" and isinstance(stats.get("top"), str):
        return stats["top"]
    return _ZEROS.get(kind)
