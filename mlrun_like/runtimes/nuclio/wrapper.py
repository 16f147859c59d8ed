"""What exported code calls inside Nuclio: `nuclio_init_hook(context, globals(), kind)`.

The names are MLRun's, so that code exported by either runs with either: after the hook,
`context.mlrun_handler(context, event)` answers an event, or a batch of them.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve

__all__ = ["nuclio_init_hook"]

_HOOKS = {
    "serving_v2": "mlrun_like.serving.nuclio.worker:init_serving",
    "mlrun": "mlrun_like.runtimes.nuclio.jobs:init_jobs",
    "jobs": "mlrun_like.runtimes.nuclio.jobs:init_jobs",
}


def nuclio_init_hook(context: Any, data: dict[str, Any], kind: str, spec: str = "") -> None:
    """Prepare a worker.

    Args:
        context: Nuclio's context; gets `mlrun_handler`.
        data: The globals of the exported module: where names of classes and functions are found.
        kind: `serving_v2`: a graph; `mlrun` or `jobs`: runs, one for each request.
        spec: What to serve or run, as JSON; by default from the environment.

    Raises:
        InvalidArgumentError: if the kind is unknown.
        GraphError: naming every mistake of the graph.
    """
    if kind not in _HOOKS:
        raise InvalidArgumentError(
            f"exported code of kind {kind!r} cannot be run",
            where="nuclio_init_hook",
            fix=f"kinds: {', '.join(_HOOKS)}",
        )
    resolve(_HOOKS[kind])(context, data, spec)
