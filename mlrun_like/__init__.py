"""Decorated Python functions become tracked, packaged, serverless runs, pipelines and services.

    import mlrun_like as ml

    @ml.function(returns=["total"])
    def add(a: int, b: int = 1):
        return a + b

    run = add.run(params={"a": 2})
    run.outputs["total"]            # 3

Tour: `function` declares, `Function.run` executes and records, the `context` argument of a handler
logs results, artifacts, data sets and models, `get_dataitem` opens any URL, `pipeline` composes
functions, `serving` builds graphs of models over HTTP, `get_or_create_project` keeps all of it
together in a folder and git. Everything is recorded in a SQLite file below `~/.mlrun-like` until a
setting says otherwise; `mlrun-like --help` shows it in the terminal.

Importing this package loads only the standard library; the parts come when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like import errors, feature_store, pipelines, projects, serving
    from mlrun_like.artifacts.item import DataItem, get_dataitem
    from mlrun_like.artifacts.models import get_model, load_model
    from mlrun_like.configuration import config
    from mlrun_like.configuration import config as mlconf
    from mlrun_like.functions.creators import (
        code_to_function,
        function_to_module,
        import_function,
        new_function,
    )
    from mlrun_like.functions.decorators import function
    from mlrun_like.functions.function import Function
    from mlrun_like.functions.tasks import new_task
    from mlrun_like.marketplace.importing import import_module, import_step
    from mlrun_like.pipelines.dsl import when
    from mlrun_like.pipelines.pipeline import pipeline
    from mlrun_like.projects.current import get_current_project
    from mlrun_like.projects.environment import set_env_from_file, set_environment
    from mlrun_like.projects.loading import get_or_create_project, load_project, new_project
    from mlrun_like.projects.operations import build_function, deploy_function, run_function
    from mlrun_like.runs.context import MLClientCtx
    from mlrun_like.runs.handler import handler
    from mlrun_like.runs.object import RunObject
    from mlrun_like.runs.session import get_or_create_ctx
    from mlrun_like.specs.values import HyperParamOptions, Resources, Retry
    from mlrun_like.tracking.connect import open_store as get_run_db

__version__ = "0.1.0"

_LAZY = {
    "DataItem": "mlrun_like.artifacts.item:DataItem",
    "Function": "mlrun_like.functions.function:Function",
    "HyperParamOptions": "mlrun_like.specs.values:HyperParamOptions",
    "MLClientCtx": "mlrun_like.runs.context:MLClientCtx",
    "Resources": "mlrun_like.specs.values:Resources",
    "Retry": "mlrun_like.specs.values:Retry",
    "RunObject": "mlrun_like.runs.object:RunObject",
    "build_function": "mlrun_like.projects.operations:build_function",
    "code_to_function": "mlrun_like.functions.creators:code_to_function",
    "config": "mlrun_like.configuration:config",
    "deploy_function": "mlrun_like.projects.operations:deploy_function",
    "errors": "mlrun_like.errors",
    "feature_store": "mlrun_like.feature_store",
    "function": "mlrun_like.functions.decorators:function",
    "function_to_module": "mlrun_like.functions.creators:function_to_module",
    "get_current_project": "mlrun_like.projects.current:get_current_project",
    "get_dataitem": "mlrun_like.artifacts.item:get_dataitem",
    "get_model": "mlrun_like.artifacts.models:get_model",
    "get_or_create_ctx": "mlrun_like.runs.session:get_or_create_ctx",
    "get_or_create_project": "mlrun_like.projects.loading:get_or_create_project",
    "get_run_db": "mlrun_like.tracking.connect:open_store",
    "handler": "mlrun_like.runs.handler:handler",
    "import_function": "mlrun_like.functions.creators:import_function",
    "import_module": "mlrun_like.marketplace.importing:import_module",
    "import_step": "mlrun_like.marketplace.importing:import_step",
    "load_model": "mlrun_like.artifacts.models:load_model",
    "load_project": "mlrun_like.projects.loading:load_project",
    "mlconf": "mlrun_like.configuration:config",
    "new_function": "mlrun_like.functions.creators:new_function",
    "new_project": "mlrun_like.projects.loading:new_project",
    "new_task": "mlrun_like.functions.tasks:new_task",
    "pipeline": "mlrun_like.pipelines.pipeline:pipeline",
    "pipelines": "mlrun_like.pipelines",
    "projects": "mlrun_like.projects",
    "run_function": "mlrun_like.projects.operations:run_function",
    "serving": "mlrun_like.serving",
    "set_env_from_file": "mlrun_like.projects.environment:set_env_from_file",
    "set_environment": "mlrun_like.projects.environment:set_environment",
    "when": "mlrun_like.pipelines.dsl:when",
}
__all__ = [
    "DataItem",
    "Function",
    "HyperParamOptions",
    "MLClientCtx",
    "Resources",
    "Retry",
    "RunObject",
    "build_function",
    "code_to_function",
    "config",
    "deploy_function",
    "errors",
    "feature_store",
    "function",
    "function_to_module",
    "get_current_project",
    "get_dataitem",
    "get_model",
    "get_or_create_ctx",
    "get_or_create_project",
    "get_run_db",
    "handler",
    "import_function",
    "import_module",
    "import_step",
    "load_model",
    "load_project",
    "mlconf",
    "new_function",
    "new_project",
    "new_task",
    "pipeline",
    "pipelines",
    "projects",
    "run_function",
    "serving",
    "set_env_from_file",
    "set_environment",
    "when",
]


def __getattr__(name: str) -> Any:
    path = _LAZY.get(name)
    if path is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = path.partition(":")
    value = importlib.import_module(module)
    result = getattr(value, attribute) if attribute else value
    globals()[name] = result
    return result


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
