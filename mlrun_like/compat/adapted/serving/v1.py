"""The model servers of MLRun's first serving: MLModelServer, with requests of `instances`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.functions.creators import code_to_function, new_function
from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["MLModelServer", "new_v1_model_server"]


class MLModelServer(V2ModelServer):
    """A model server whose requests are `{"instances": [...]}`, and whose answers are bare.

    Args:
        name: The model's name.
        model_dir: Where `load` finds the model.
        model: A model that is loaded already.
        class_args: Further values for `get_param`.

    >>> class Sum(MLModelServer):
    ...     def load(self):
    ...         self.model = sum
    ...     def predict(self, request):
    ...         return [self.model(row) for row in request["instances"]]
    >>> server = Sum("m", "/tmp")
    >>> server.load()
    >>> server.predict({"instances": [[1, 2]]})
    [3]
    """

    def __init__(
        self,
        name: str = "",
        model_dir: str | None = None,
        model: Any = None,
        context: Any = None,
        **class_args: Any,
    ) -> None:
        path = model_dir or class_args.pop("model_path", "") or ""
        class_args.pop("protocol", None)
        super().__init__(context, name, path, model, "v1", **class_args)
        self.model_dir = path


def new_v1_model_server(  # noqa: PLR0913 - MLRun's signature
    name: str,
    model_class: str,
    models: Mapping[str, str] | None = None,
    filename: str = "",
    protocol: str = "",
    image: str = "",
    endpoint: str = "",
    workers: int = 8,
    canary: int | None = None,
) -> Any:
    """A serving function with a router of V1 models.

    Args:
        name: Its name.
        model_class: The models' class, in the code.
        models: Where each model is, by name.
        filename: The code.
        protocol: Not used: requests have `instances`.
        image: The image, instead of code.
        endpoint: The host of its address.
        workers: How many requests are answered at a time.
        canary: The share of the traffic that it gets, in per cent.
    """
    del protocol
    if filename:
        function = code_to_function(name, filename=filename, kind="serving", image=image or "")
    else:
        function = new_function(name, kind="serving", image=image or "")
    function.set_topology("router", protocol="v1")  # type: ignore[attr-defined]
    for key, path in (models or {}).items():
        function.add_model(key, path, model_class)  # type: ignore[attr-defined]
    function.with_http(workers, host=endpoint or None, canary=canary)  # type: ignore[attr-defined]
    return function
