"""`apply_mlrun` for models of tables: one line, and training is on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.session import Session
from mlrun_like.frameworks.core.tabular import TabularHandler
from mlrun_like.frameworks.core.watching import watch
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

__all__ = ["Adapter", "apply_to_tables", "handler_of"]


class Adapter(NamedTuple):
    """What differs between frameworks.

    Args:
        handler: The class that saves and loads models.
        run_name: Name of the run that is begun outside of one.
        series: Gives the metrics per iteration of a trained model.
    """

    handler: type[TabularHandler]
    run_name: str
    series: Callable[[Any], Mapping[str, list[float]]] | None = None


_SETTERS = {
    "sample_set": "set_sample_set",
    "y_columns": "set_target_columns",
    "feature_vector": "set_feature_vector",
    "feature_weights": "set_feature_weights",
    "labels": "set_labels",
    "parameters": "set_parameters",
    "extra_data": "set_extra_data",
    "tag": "set_tag",
}
_OF_HANDLER = (
    "model_path",
    "modules_map",
    "custom_objects_map",
    "custom_objects_directory",
    "model_format",
)
_OF_SESSION = ("artifacts", "metrics", "x_test", "y_test", "auto_log")


def apply_to_tables(
    adapter: Adapter,
    model: Any,
    model_name: str | None,
    context: MLClientCtx | None,
    given: dict[str, Any],
) -> TabularHandler:
    """Watch a model: its training, and tests of it, are logged.

    Args:
        adapter: The framework.
        model: The model; None: loaded from `model_path`.
        model_name: The model's name in the store.
        context: The run; None: the current one, or a new one.
        given: The other arguments of `apply_mlrun`, by name; None is as if not given.

    Raises:
        InvalidArgumentError: if an argument is unknown or does not fit.
    """
    handler, of_session = handler_of(adapter, model, model_name, context, given)
    if model is None:
        handler.load()
    session = Session(handler, handler.run, series=adapter.series, **of_session)
    watch(handler.model, session)
    return handler


def handler_of(
    adapter: Adapter,
    model: Any,
    model_name: str | None,
    context: MLClientCtx | None,
    given: dict[str, Any],
) -> tuple[TabularHandler, dict[str, Any]]:
    """The handler of a model, and the arguments that are not its own.

    Args:
        adapter: The framework.
        model: The model.
        model_name: The model's name in the store.
        context: The run; None: the current one, or a new one.
        given: The other arguments of `apply_mlrun`, by name; None is as if not given.

    Raises:
        InvalidArgumentError: if an argument is unknown or does not fit.
    """
    values = {name: value for name, value in given.items() if value is not None}
    values.update(values.pop("model_handler_kwargs", {}))
    # older versions of MLRun named these so
    for old, new in (("X_test", "x_test"), ("target_columns", "y_columns")):
        if old in values:
            values.setdefault(new, values.pop(old))
    values.pop("test_set", None)  # MLRun's auto_trainer gives it beside x_test and y_test
    unknown = sorted(set(values) - {*_SETTERS, *_OF_HANDLER, *_OF_SESSION})
    if unknown:
        raise InvalidArgumentError(
            f"apply_mlrun has no argument {unknown[0]!r}",
            fix=f"it has: {', '.join(sorted({*_SETTERS, *_OF_HANDLER, *_OF_SESSION}))}",
        )
    context = context if context is not None else get_or_create_ctx(adapter.run_name)
    of_handler = {name: values[name] for name in _OF_HANDLER if name in values}
    handler = adapter.handler(model, model_name=model_name, context=context, **of_handler)
    for name, setter in _SETTERS.items():
        if name in values:
            getattr(handler, setter)(values[name])
    of_session = {name: values[name] for name in _OF_SESSION if name in values}
    return handler, of_session
