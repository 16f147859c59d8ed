"""What driver and executors of a SparkApplication read: ConfigMaps, volumes, mounts, variables."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.kubernetes.code import (
    FUNCTION,
    LARGEST_PART,
    PAYLOAD,
    config_maps,
    projected_volume,
    split_document,
)
from mlrun_like.runtimes.kubernetes.manifest import HOME, RUN_FOLDER
from mlrun_like.runtimes.kubernetes.rendering import document_text
from mlrun_like.runtimes.spark.submit import DRIVER, write_code
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "CODE_FILE",
    "CODE_FOLDER",
    "DRIVER_FILE",
    "code_maps",
    "driver_folders",
    "executor_folders",
    "volumes_of",
]

CODE_FOLDER = "/mlrun-like/code"
DRIVER_FILE, CODE_FILE = "driver.py", "modules.zip"


def code_maps(document: FunctionDoc, metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """ConfigMaps: the function and the driver program, and the modules for the executors.

    Raises:
        InvalidArgumentError: if the code is too large.
    """
    files = dict(split_document(FUNCTION, document_text(document)))
    files[DRIVER_FILE] = Path(DRIVER).read_bytes()
    found = config_maps(files, metadata)
    with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
        path = write_code(document, Path(folder))
        data = path.read_bytes() if path is not None else b""
    if len(data) > LARGEST_PART:
        raise InvalidArgumentError(
            f"the function's modules are {len(data) / 1e6:.1f} MB compressed, more than a "
            "ConfigMap holds",
            where=f"function {document.metadata.name!r}",
            fix="put the code into the image: fn.deploy()",
        )
    if data:
        found.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**metadata, "name": f"{metadata['name']}-modules"},
                "binaryData": {CODE_FILE: base64.b64encode(data).decode("ascii")},
                "immutable": True,
            }
        )
    return found


def volumes_of(
    document: FunctionDoc,
    holders: Sequence[Mapping[str, Any]],
    code: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The application's volumes.

    Args:
        document: The function: its own volumes.
        holders: ConfigMaps and Secrets for the driver.
        code: The ConfigMap with the modules, if there is one.
    """
    own: list[dict[str, Any]] = [dict(row) for row in document.spec.volumes]
    run = projected_volume("mlrun-like-run", holders, only=(FUNCTION, PAYLOAD, DRIVER_FILE))
    home: dict[str, Any] = {"name": "mlrun-like-home", "emptyDir": {}}
    found = [*own, run, home]
    if code:
        found.append(projected_volume("mlrun-like-code", code))
    return found


def driver_folders(code: Sequence[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mounts and variables of the driver: its documents, and a home that can be written to."""
    mounts: list[dict[str, Any]] = [
        {"name": "mlrun-like-run", "mountPath": RUN_FOLDER, "readOnly": True},
        {"name": "mlrun-like-home", "mountPath": HOME},
    ]
    return [*mounts, *executor_folders(code)[0]], [
        {"name": "MLRUN_LIKE_HOME", "value": HOME},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
    ]


def executor_folders(code: Sequence[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mounts and variables of the executors: the modules, and nothing that holds a secret."""
    mount = {"name": "mlrun-like-code", "mountPath": CODE_FOLDER, "readOnly": True}
    return [mount] if code else [], []
