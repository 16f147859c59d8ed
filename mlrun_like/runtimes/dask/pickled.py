"""Live handlers as bytes, for code that has no source to send."""

from __future__ import annotations

import sys
import sysconfig
from types import ModuleType

import cloudpickle

from mlrun_like.errors import PackagingError
from mlrun_like.runs.job import Job

__all__ = ["pickled_handler"]


def pickled_handler(job: Job) -> bytes | None:
    """The live handler; None if the function's source says the same.

    Raises:
        PackagingError: if it cannot be pickled.
    """
    handler = job.handler
    spec = job.function.spec
    own = job.run.spec.handler in ("", spec.default_handler)
    if handler is None or (spec.build.functionSourceCode and own):
        return None
    module = sys.modules.get(getattr(handler, "__module__", "") or "")
    by_value = module is not None and _is_local(module)
    try:
        if module is not None and by_value:
            cloudpickle.register_pickle_by_value(module)
        found: bytes = cloudpickle.dumps(handler)
    except Exception as exc:
        raise PackagingError(
            f"handler {handler!r} cannot be sent to a worker: {exc}",
            fix="define it at the top level of a file, without open files, locks or connections",
        ) from exc
    finally:
        if module is not None and by_value:
            cloudpickle.unregister_pickle_by_value(module)
    return found


def _is_local(module: ModuleType) -> bool:
    """Whether other machines cannot be expected to have it."""
    if module.__name__ == "__main__" or not getattr(module, "__file__", None):
        return False  # cloudpickle knows what to do with the first; the second is built in
    paths = sysconfig.get_paths()
    installed = tuple({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})
    return not str(module.__file__).startswith(installed)
