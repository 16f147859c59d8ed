"""From what a definition names to an application: a class path, a file, or a stored function."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    nearest,
)
from mlrun_like.functions.creators import function_to_module, import_function
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.packaging.old_names import answer_old_names

__all__ = ["SHIPPED", "load_class", "make_application", "path_of"]

_PACKAGE = "mlrun_like.monitoring.applications.shipped"
SHIPPED = {
    "HistogramDataDriftApplication": f"{_PACKAGE}.histogram_data_drift",
    "DataDrift": f"{_PACKAGE}.data_drift",
    "PredictionDrift": f"{_PACKAGE}.prediction_drift",
    "Categories": f"{_PACKAGE}.categories",
    "Outliers": f"{_PACKAGE}.outliers",
    "ServicePerformance": f"{_PACKAGE}.performance",
    "ModelQuality": f"{_PACKAGE}.quality",
    "BusinessMetric": f"{_PACKAGE}.business",
    "LLMAnswers": f"{_PACKAGE}.llm",
    "EvidentlyModelMonitoringApplicationBase": f"{_PACKAGE}.evidently",
    "NannyMLDriftApplication": f"{_PACKAGE}.nannyml",
}
"""Class name -> module of the applications that come with the platform."""

_FUNCTIONS = ("db://", "hub://")
_loaded: dict[tuple[str, str], ModuleType] = {}


def make_application(
    target: str, class_name: str, kwargs: dict[str, Any], where: str
) -> ModelMonitoringApplicationBase:
    """An application from its definition.

    Args:
        target: A shipped class's name, `package.module:Class`, `package.module.Class`,
            `file.py[:Class]` or `db://project/name[:tag]`.
        class_name: The class, if the target does not name it; needed if it holds several.
        kwargs: Its arguments.
        where: For messages.

    Raises:
        InvalidArgumentError: if there is no such class, or it does not take the arguments.
        NotFoundError: if the file, module or function does not exist.
    """
    cls = load_class(target, class_name, where)
    try:
        inspect.signature(cls).bind(**kwargs)
    except TypeError as exc:
        raise InvalidArgumentError(
            f"{cls.__name__} does not take these arguments: {exc}", where=where
        ) from exc
    made: ModelMonitoringApplicationBase = cls(**kwargs)
    return made


def load_class(target: str, class_name: str, where: str) -> type[ModelMonitoringApplicationBase]:
    """The class; see `make_application`."""
    if target in SHIPPED:
        return _checked(getattr(importlib.import_module(SHIPPED[target]), target), target, where)
    if config.guarded:
        raise AccessDeniedError(
            f"the code of application {target[:100]!r} is not run on the service's own machine",
            where=where,
            fix="let it watch from elsewhere (mlrun-like monitor run, with the service as its "
            "store), or set service_execution=process: then all who may start runs use the "
            "service's machine with its rights",
        )
    if target.startswith(_FUNCTIONS):
        module = function_to_module(import_function(target))
        if module is None:
            raise NotFoundError(f"function {target!r} has no code of its own", where=where)
        return _of_module(module, class_name, target, where)
    path, colon, name = target.rpartition(":")
    if not colon or os.sep in name or name.endswith(".py"):
        path, name = target, class_name
    if path.endswith((".py", ".ipynb")):
        return _of_module(_module_of_file(path, where), name, target, where)
    if not colon and "." in target:
        path, _, name = target.rpartition(".")
    try:
        module = importlib.import_module(path)
    except ImportError as exc:
        raise NotFoundError(
            f"there is no monitoring application {target!r}: {exc}.{nearest(target, SHIPPED)}",
            where=where,
            fix="name package.module:Class, file.py:Class, db://project/name, or one of: "
            + ", ".join(SHIPPED),
        ) from exc
    return _of_module(module, name, target, where)


def path_of(cls: type) -> str:
    """What names a class in another process: a file for a script's own classes.

    Raises:
        InvalidArgumentError: if it was made where no other process can find it.
    """
    if SHIPPED.get(cls.__name__) == cls.__module__:
        return cls.__name__
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if cls.__module__ != "__main__" and "<locals>" not in cls.__qualname__:
        try:
            found = importlib.util.find_spec(cls.__module__)
        except (ImportError, ValueError):
            found = None
        if found is not None:
            return f"{cls.__module__}:{cls.__qualname__}"
    if file and "<locals>" not in cls.__qualname__ and os.path.isfile(file):
        return f"{os.path.abspath(file)}:{cls.__qualname__}"
    raise InvalidArgumentError(
        f"class {cls.__qualname__} cannot be found by another process",
        where=f"module {cls.__module__}",
        fix="write it at the top level of a file and register 'file.py:Class'",
    )


def _of_module(module: ModuleType, name: str, target: str, where: str) -> type[Any]:
    if name:
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is None:
            known = [one.__name__ for one in _own_classes(module)]
            raise NotFoundError(
                f"{target!r} has no class {name!r}.{nearest(name, known)}",
                where=where,
                fix=f"name one of: {', '.join(known) or 'it has no monitoring application'}",
            )
        return _checked(found, target, where)
    classes = _own_classes(module)
    if len(classes) != 1:
        names = ", ".join(one.__name__ for one in classes)
        raise InvalidArgumentError(
            f"{target!r} holds {len(classes)} monitoring applications, not one"
            + (f": {names}" if names else ""),
            where=where,
            fix="name the class, such as 'file.py:MyApp'",
        )
    return classes[0]


def _own_classes(module: ModuleType) -> list[type[ModelMonitoringApplicationBase]]:
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, ModelMonitoringApplicationBase)
        and one.__module__ == module.__name__
        and not inspect.isabstract(one)
    ]


def _checked(found: Any, target: str, where: str) -> type[ModelMonitoringApplicationBase]:
    if not (isinstance(found, type) and issubclass(found, ModelMonitoringApplicationBase)):
        raise InvalidArgumentError(
            f"{target!r} is no monitoring application",
            where=where,
            fix="subclass ModelMonitoringApplicationBase and write do_tracking",
        )
    return found


def _module_of_file(path: str, where: str) -> ModuleType:
    """A file as a module; run again only when it has changed."""
    full = Path(path).expanduser().absolute()
    try:
        source = full.read_bytes()
    except OSError as exc:
        raise MissingFileError(
            f"there is no file {path!r} with a monitoring application: {exc.strerror}", where=where
        ) from exc
    key = (str(full), hashlib.sha256(source).hexdigest())
    module = _loaded.get(key)
    if module is None:
        name = f"monitoring_application_{full.stem}_{key[1][:12]}"
        spec = importlib.util.spec_from_file_location(name, full)
        if spec is None or spec.loader is None:
            raise InvalidArgumentError(f"{path!r} is no Python file", where=where)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickles look their module up
        try:
            answer_old_names()
            spec.loader.exec_module(module)
        except Exception as exc:
            # the user's own code: whatever it raises is what is wrong with the file
            sys.modules.pop(name, None)
            raise InvalidArgumentError(
                f"{path!r} cannot be loaded: {type(exc).__name__}: {exc}", where=where
            ) from exc
        _loaded[key] = module
    return module
