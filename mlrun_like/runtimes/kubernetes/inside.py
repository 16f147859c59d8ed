"""What the pod of a run executes: the payload is put together and handed to `runs.entry`.

`python3 -m mlrun_like.runtimes.kubernetes.inside FOLDER`; the folder holds the function's document
and the payload, whole or in parts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.runs.entry import execute_payload
from mlrun_like.runtimes.kubernetes.code import FUNCTION, PAYLOAD, read_document

__all__ = ["Terminated", "main", "read_payload"]

_OF_THE_SUBMITTER = ("home", "config_file", "dbpath", "kubeconfig", "kubernetes_context")
"""Settings that mean something only where the run was submitted."""


def read_payload(folder: Path) -> dict[str, Any]:
    """The payload of a run.

    Raises:
        MissingFileError: if a part of it is not there.
        InvalidArgumentError: if it cannot be read.
    """
    try:
        payload = json.loads(read_document(folder, PAYLOAD))
        function = yaml.load(read_document(folder, FUNCTION), _Loader)
    except (ValueError, yaml.YAMLError) as exc:
        if isinstance(exc, MLRunLikeError):
            raise
        raise InvalidArgumentError(
            f"the run's documents cannot be read: {exc}", where=str(folder)
        ) from exc
    if not isinstance(payload, dict) or not isinstance(function, dict):
        raise InvalidArgumentError("the run's documents are no mappings", where=str(folder))
    settings = payload.get("settings")
    if isinstance(settings, dict):
        payload["settings"] = {k: v for k, v in settings.items() if k not in _OF_THE_SUBMITTER}
    return {**payload, "function": function}


class Terminated(SystemExit):
    """The pod is ended from outside; not RunAborted, because an evicted run may be tried again.

    When the submitter aborts the run it records that before the pod hears of it.
    """


def main(arguments: list[str]) -> int:
    """Execute the run whose documents are in the folder given as the only argument."""
    _end_in_order()
    try:
        return execute_payload(read_payload(Path(arguments[0])))
    except Terminated:
        return 128 + signal.SIGTERM
    except MLRunLikeError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1


def _end_in_order() -> None:
    """Let SIGTERM unwind the function: the first process of a container has no default for it."""
    owner = os.getpid()

    def on_terminate(number: int, _: object) -> None:
        if os.getpid() == owner:
            raise Terminated("the pod was told to end (SIGTERM)")
        signal.signal(number, signal.SIG_DFL)  # processes that the function started
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, on_terminate)


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
