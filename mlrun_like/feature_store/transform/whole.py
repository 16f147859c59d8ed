"""WholeTransform: engines "pandas" and "spark", whose steps take whole frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import GraphError, InvalidArgumentError, MLRunLikeError, StepError
from mlrun_like.feature_store.steps.base import FeatureStep, MLRunStep, SetFacts
from mlrun_like.feature_store.transform.aggregating import SetAggregates
from mlrun_like.feature_store.transform.base import Transform
from mlrun_like.feature_store.transform.sinks import Sink
from mlrun_like.feature_store.transform.spark_windows import aggregate_on_spark, windowed_of
from mlrun_like.serving.engine.failures import error_text
from mlrun_like.serving.event import Event
from mlrun_like.serving.server import GraphServer

__all__ = ["WholeTransform"]


class WholeTransform(Transform):
    """Calls `do(frame)` of each step, as MLRun's engines "pandas" and "spark" do.

    Args:
        server: The graph; at the end of each output is a `Sink`.
        engine: "pandas" or "spark".
        outputs: The step of each output.
        facts: The feature set.

    Raises:
        GraphError: naming the steps that take no frames.
    """

    def __init__(
        self, server: GraphServer, engine: str, outputs: Mapping[str, str], facts: SetFacts
    ) -> None:
        self.engine = "spark" if engine == "spark" else "frames"
        self._server = server
        self._outputs = outputs
        self._facts = facts
        self._kind = engine
        self.windowed: dict[str, Any] = {}
        """On Spark: what went into the windows of each step: keys, times and values."""
        nodes = server.plan.nodes
        self._steps = {n: node for n, node in nodes.items() if type(node.bound.made) is not Sink}
        problems = [
            f"step {name!r}: {type(node.bound.made).__name__} takes single events, not frames"
            for name, node in self._steps.items()
            if (node.bound.kind not in ("map", "maybe") or node.bound.call is None)
            and not (engine == "spark" and _is_aggregated(node.bound.made))
        ]
        problems += [
            f"step {name!r} comes after {count} steps, but frames are not merged"
            for name in self._steps
            if (count := sum(name in node.children for node in self._steps.values())) > 1
        ]
        if problems:
            server.close()
            raise GraphError(
                "\n  - ".join([f"engine {engine!r} cannot run these steps:", *problems]),
                where=f"feature set {facts.name!r}",
                fix='use engine="storey", or steps with do(frame)',
            )

    @property
    def aggregates(self) -> dict[str, SetAggregates]:
        """The steps that aggregate, by name."""
        steps = {name: node.bound.made for name, node in self._steps.items()}
        return {name: made for name, made in steps.items() if isinstance(made, SetAggregates)}

    def run(self, frame: Any) -> dict[str, Any]:
        made: dict[str, Any] = {name: frame for name, step in self._outputs.items() if not step}
        waiting = {name: frame for name in self._server.plan.starts if name in self._steps}
        for name, node in self._steps.items():
            if name not in waiting:
                continue
            result = self._called(name, node.bound, waiting.pop(name))
            for output, step in self._outputs.items():
                if step == name:
                    made[output] = result
            for child in node.children:
                if child in self._steps:
                    waiting[child] = result
        return made

    def _called(self, name: str, bound: Any, frame: Any) -> Any:
        call: Callable[[Any], Any] = bound.call
        made, given = bound.made, frame
        if self._kind == "pandas":
            given = frame.copy(deep=False)
            call = made._do_pandas if isinstance(made, MLRunStep) else call
        elif isinstance(made, MLRunStep):
            call = made._do_spark
        elif isinstance(made, SetAggregates):
            self.windowed[name] = windowed_of(frame, made, self._facts)
            return aggregate_on_spark(frame, made, self._facts)
        try:
            if bound.whole and not isinstance(made, FeatureStep):
                result = bound.call(Event(given))
                result = getattr(result, "body", result)
            else:
                result = call(given)
        except Exception as exc:
            raise _failed(exc, name) from exc
        if self._kind == "spark":
            if not hasattr(result, "schema"):
                raise _no_frame(name, result)
            return result
        if not isinstance(result, pd.DataFrame):
            raise _no_frame(name, result)
        named = [level for level in result.index.names if level is not None]
        if named:
            return result.reset_index()
        return _with_entities(result, frame, self._facts.entities).reset_index(drop=True)

    def event(self, event: Event) -> list[tuple[str, Event]]:
        raise InvalidArgumentError(
            f"engine {self._kind!r} takes whole frames, not single events",
            where=f"feature set {self._facts.name!r}",
            fix='use engine="storey" for live ingestion',
        )

    def counts(self) -> dict[str, dict[str, int]]:
        found = {
            name: dict(getattr(node.bound.made, "counts", None) or {})
            for name, node in self._steps.items()
        }
        return {name: counts for name, counts in found.items() if counts}

    def close(self) -> None:
        self._server.close()


def _with_entities(
    result: pd.DataFrame, given: pd.DataFrame, entities: Sequence[str]
) -> pd.DataFrame:
    """A result with the entities that its step left out, as of the rows that it kept.

    MLRun gives steps the entities as the index, where choosing columns does not lose them.
    """
    lost = [name for name in entities if name in given.columns and name not in result.columns]
    if not lost or not given.index.is_unique or not result.index.isin(given.index).all():
        return result
    kept: pd.DataFrame = given.loc[result.index, lost]
    return pd.concat([kept, result], axis=1)


def _is_aggregated(made: Any) -> bool:
    return isinstance(made, SetAggregates) and made.in_frames


def _failed(exc: Exception, step: str) -> Exception:
    named = exc if isinstance(exc, MLRunLikeError) else None
    where = f"step {step!r}"
    if named is not None and named.where and named.where != where:
        where += f" ({named.where})"
    return StepError(
        named.what if named else error_text(exc),
        where=where,
        fix=named.fix if named else "",
        step=step,
    )


def _no_frame(step: str, result: Any) -> Exception:
    return StepError(
        f"the step gave {type(result).__name__} instead of a frame",
        where=f"step {step!r}",
        fix="return the frame at the end of do(frame)",
        step=step,
    )
