"""`new_model_server`: a file or notebook with a model class as a function that serves models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.functions.creators import code_to_function, new_function
from mlrun_like.functions.function import Function

__all__ = ["new_model_server", "new_v1_model_server", "new_v2_model_server"]


def new_model_server(  # noqa: PLR0913 - MLRun's signature
    name: str,
    model_class: str,
    models: Mapping[str, str] | None = None,
    filename: str = "",
    protocol: str = "",
    image: str = "",
    endpoint: str = "",
    explainer: bool = False,
    workers: int = 8,
    canary: Any = None,
    handler: Any = None,
) -> Function[..., Any]:
    """A function that serves models.

    Args:
        name: Its name.
        model_class: The class of its models, in the file.
        models: Model name to its path.
        filename: The file or notebook.
        protocol: `v2`, or empty for the older servers (V1), which read their models from the
            environment.
        image: Container image.
        endpoint: Host of the ingress.
        explainer: MLRun's; it has no effect there either.
        workers: How many requests are answered at a time.
        canary: Share of the requests that go to it.
        handler: MLRun's; the class answers.
    """
    del explainer, handler
    make = new_v2_model_server if protocol else new_v1_model_server
    return make(name, model_class, models, filename, protocol, image, endpoint, workers, canary)


def _function(kind: str, name: str, filename: str, image: str) -> Any:
    if filename:
        return code_to_function(name, filename=filename, kind=kind, image=image or None)
    return new_function(name, kind=kind, image=image)


def new_v1_model_server(  # noqa: PLR0913 - MLRun's signature
    name: str,
    model_class: str,
    models: Mapping[str, str] | None = None,
    filename: str = "",
    protocol: str = "",
    image: str = "",
    endpoint: str = "",
    workers: int = 8,
    canary: Any = None,
) -> Function[..., Any]:
    """A server of the older kind; arguments as for `new_model_server`."""
    function = _function("remote", name, filename, image)
    for key, path in (models or {}).items():
        function.set_env(f"SERVING_MODEL_{key}", path)
    if protocol:
        function.set_env("TRANSPORT_PROTOCOL", protocol)
    if model_class:
        function.set_env("MODEL_CLASS", model_class)
    function.with_http(workers=workers, host=endpoint, canary=canary)
    function.spec.function_kind = "serving"
    return function  # type: ignore[no-any-return]


def new_v2_model_server(  # noqa: PLR0913 - MLRun's signature
    name: str,
    model_class: str,
    models: Mapping[str, str] | None = None,
    filename: str = "",
    protocol: str = "",
    image: str = "",
    endpoint: str = "",
    workers: int = 8,
    canary: Any = None,
) -> Function[..., Any]:
    """A serving function with these models; arguments as for `new_model_server`."""
    function = _function("serving", name, filename, image)
    function.spec.default_class = model_class
    parameters = {"protocol": protocol} if protocol else {}
    function.set_topology("router")
    for key, path in (models or {}).items():
        function.add_model(key, model_path=path, class_name=model_class, **parameters)
    function.with_http(workers=workers, host=endpoint, canary=canary)
    return function  # type: ignore[no-any-return]
