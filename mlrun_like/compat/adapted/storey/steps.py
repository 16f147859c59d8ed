"""Storey's steps and targets: ours, with storey's names in documents and storey's tolerance."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps import (
    aggregate,
    assertion,
    batching,
    choice,
    collecting,
    ending,
    fields,
    frames,
    join,
    map_class,
    maps,
    query,
    recovering,
    sampling,
    state,
    targets_csv,
    targets_stream,
)
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.concurrent import ConcurrentExecution as OurConcurrentExecution
from mlrun_like.serving.steps.parallel_execution import ParallelExecution as OurParallelExecution

__all__ = [
    "AggregateByKey",
    "Assert",
    "Batch",
    "CSVTarget",
    "Choice",
    "Collector",
    "Complete",
    "ConcurrentExecution",
    "DropColumns",
    "Extend",
    "Filter",
    "FlatMap",
    "Flatten",
    "ForEach",
    "JoinWithTable",
    "JoinWithV3IOTable",
    "KafkaTarget",
    "Map",
    "MapClass",
    "MapWithState",
    "ParallelExecution",
    "Partition",
    "QueryByKey",
    "Recover",
    "Reduce",
    "ReduceToDataFrame",
    "ReifyMetadata",
    "Rename",
    "SampleWindow",
    "Step",
    "StreamTarget",
    "ToDataFrame",
    "step_class",
]

_SHARED = frozenset(inspect.signature(FlowStep.__init__).parameters) - {"self", "unknown"}
_OF_STEP = ("context", "name", "input_path", "result_path", "full_event", "recovery_step")
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))
_FLAGS = ("header", "build_dict", "type_inference")


class Step:
    """What all of them have: unknown arguments are kept, documents have storey's form."""

    _kwargs: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kind: Any = type(self)
        known = _known(kind)
        self._kwargs = {key: value for key, value in kwargs.items() if key not in known}
        super().__init__(*args, **{key: kwargs[key] for key in kwargs if key in known})

    def begin(self) -> None:
        super().begin()  # type: ignore[misc]
        self._init()

    def _init(self) -> None:
        """Called before each run."""

    @property
    def _closeables(self) -> list[Any]:
        """What is closed at the end, of this step and those that follow."""
        found: list[Any] = []
        for step in (self, *getattr(self, "outlets", ())):
            held = [getattr(step, name, None) for name in ("table", "state", "_state")]
            found += [item for item in held if hasattr(item, "close")]
        return found

    @property
    def _result(self) -> Any:
        """What the step gives at the end of the flow."""
        return self.result()  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        """The arguments that a document can hold."""
        found = {
            key: value
            for key, value in self.arguments().items()  # type: ignore[attr-defined]
            if isinstance(value, _PLAIN) and value is not None and key not in self._kwargs
        }
        for flag in _FLAGS:
            default = inspect.signature(type(self).__init__).parameters.get(flag)
            if default is not None:
                found.setdefault(flag, default.default)
        return {**found, **self._kwargs}

    def code_arguments(self) -> dict[str, Any]:
        found = {key: value for key, value in self.given().items() if key != "index" or value}
        full = bool(getattr(self, "full_event", False))
        found.pop("full_event", None)
        return {"full_event": True, **found} if full else found

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The step as plain data."""
        kind = type(self)
        named = {key: value for key, value in self.given().items() if key not in _OF_STEP}
        document: dict[str, Any] = {
            "class_name": f"{kind.__module__}.{kind.__qualname__}",
            "name": self.name,  # type: ignore[attr-defined]
            "class_args": named,
        }
        for key in ("input_path", "result_path", "full_event"):
            if getattr(self, key, None):
                document[key] = getattr(self, key)
        return document


@functools.cache
def _known(kind: Any) -> frozenset[str]:
    """The names of arguments that the class of ours takes."""
    names = set(_SHARED)
    for owner in kind.__mro__:
        init = vars(owner).get("__init__")
        if init is not None and owner.__module__.startswith("mlrun_like.serving"):
            given = inspect.signature(init).parameters.values()
            names |= {item.name for item in given if item.kind is not item.VAR_KEYWORD}
    return frozenset(names - {"self"})


def _init_of(ours: type) -> Any:
    """A constructor that is seen to have the arguments of ours."""

    def init(self: Step, *args: Any, **kwargs: Any) -> None:
        Step.__init__(self, *args, **kwargs)

    init.__signature__ = inspect.signature(ours.__init__)  # type: ignore[attr-defined,misc]
    return init


def _no_source(self: Step) -> None:
    """Only sources start a flow."""
    raise InvalidArgumentError("Flow must start with a source")


def step_class(ours: type, module: str, name: str = "") -> Any:
    """A class of ours as storey's of that module.

    >>> step_class(maps.Map, "flow")(abs).to_dict()["class_name"]
    'storey.flow.Map'
    """
    named = name or ours.__name__
    values: dict[str, Any] = {
        "__module__": f"storey.{module}",
        "__doc__": ours.__doc__,
        "__qualname__": named,
    }
    values["__init__"] = _init_of(ours)
    if not getattr(ours, "legal_first_step", False):
        values["run"] = _no_source
    return type(ours)(named, (Step, ours), values)


class Batch(Step, batching.Batch):
    """Collects events into lists; see `mlrun_like.serving.steps.batching.Batch`.

    As in storey 1.14 the lists hold events, unless `full_event=False` is given.
    """

    __module__ = "storey.flow"

    def __init__(
        self,
        max_events: Any = None,
        flush_after_seconds: Any = None,
        key_field: Any = None,
        drop_key_field: bool = False,
        **options: Any,
    ) -> None:
        _check_limits(max_events, flush_after_seconds)
        if options.get("full_event") is None:
            warnings.warn(
                "The default value of full_event in Batch changed to True in mlrun 1.11.0: give "
                "full_event=False for the bodies alone",
                stacklevel=2,
            )
            options["full_event"] = True
        super().__init__(
            max_events or None, flush_after_seconds or None, key_field, drop_key_field, **options
        )


ConcurrentExecution = step_class(OurConcurrentExecution, "flow")
_Parallel: Any = step_class(OurParallelExecution, "flow")


class ParallelExecution(_Parallel):  # type: ignore[misc]  # made above
    """See `mlrun_like.serving.steps.parallel_execution.ParallelExecution`."""

    __module__ = "storey.flow"

    def begin(self) -> None:
        OurParallelExecution.begin(self)

    def _init(self) -> None:
        self.begin()


def _check_limits(max_events: Any, flush_after_seconds: Any) -> None:
    if max_events is not None:
        if isinstance(max_events, bool) or not isinstance(max_events, int):
            raise InvalidTypeError(f"max_events must be an integer (got {max_events!r:.80})")
        if max_events <= 0:
            raise InvalidArgumentError(f"max_events must be a positive integer, not {max_events}")
    if flush_after_seconds is not None:
        if not isinstance(flush_after_seconds, (int, float)):
            raise InvalidTypeError(
                f"flush_after_seconds must be a number (got {flush_after_seconds!r:.80})"
            )
        if flush_after_seconds < 0:
            raise InvalidArgumentError(
                f"flush_after_seconds cannot be negative, not {flush_after_seconds}"
            )
    if not max_events and not flush_after_seconds:
        raise InvalidArgumentError(
            "At least one of flush_after_seconds or max_events must be provided in Batch"
        )


AggregateByKey = step_class(aggregate.AggregateByKey, "aggregations")
Assert = step_class(assertion.Assert, "steps.assertion")
CSVTarget = step_class(targets_csv.CSVTarget, "targets")
Choice = step_class(choice.Choice, "flow")
Collector = step_class(collecting.Collector, "steps.collector")
Complete = step_class(ending.Complete, "flow")
DropColumns = step_class(fields.DropColumns, "flow")
Extend = step_class(maps.Extend, "flow")
Filter = step_class(maps.Filter, "flow")
FlatMap = step_class(maps.FlatMap, "flow")
Flatten = step_class(maps.Flatten, "steps.flatten")
ForEach = step_class(maps.ForEach, "steps.foreach")
JoinWithTable = step_class(join.JoinWithTable, "flow")
JoinWithV3IOTable = step_class(join.JoinWithV3IOTable, "flow")
KafkaTarget = step_class(targets_stream.KafkaTarget, "targets")
Map = step_class(maps.Map, "flow")
MapClass = step_class(map_class.MapClass, "flow")
MapWithState = step_class(state.MapWithState, "flow")
Partition = step_class(fields.Partition, "steps.partition")
QueryByKey = step_class(query.QueryByKey, "aggregations")
Recover = step_class(recovering.Recover, "flow")
Reduce = step_class(ending.Reduce, "flow")
ReduceToDataFrame = step_class(frames.ReduceToDataFrame, "dataframe")
ReifyMetadata = step_class(fields.ReifyMetadata, "flow")
Rename = step_class(fields.Rename, "flow")
SampleWindow = step_class(sampling.SampleWindow, "steps.sample")
StreamTarget = step_class(targets_stream.StreamTarget, "targets")
ToDataFrame = step_class(frames.ToDataFrame, "dataframe")
