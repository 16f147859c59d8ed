"""Loads a model's bytes by its file's suffix."""

from __future__ import annotations

import importlib
import io
import json
import os
import pickle
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlrun_like import registry

__all__ = ["LOADERS"]


def _joblib(data: bytes, name: str) -> Any:
    joblib = registry.require("joblib", extra="frameworks", feature=f"loading {name!r}")
    return joblib.load(io.BytesIO(data))


def _numpy(data: bytes, name: str) -> Any:
    found = importlib.import_module("numpy").load(io.BytesIO(data), allow_pickle=False)
    return dict(found) if name.endswith(".npz") else found


def _torch(data: bytes, name: str) -> Any:
    torch = registry.require("torch", feature=f"loading {name!r}")
    return torch.load(io.BytesIO(data), weights_only=False)


def _safetensors(data: bytes, name: str) -> Any:
    module = registry.require("safetensors.numpy", feature=f"loading {name!r}")
    return module.load(data)


def _onnx(data: bytes, name: str) -> Any:
    onnx = registry.require("onnx", feature=f"loading {name!r}")
    return onnx.load_model_from_string(data)


def _keras(data: bytes, name: str) -> Any:
    keras = registry.require("keras", feature=f"loading {name!r}")
    with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
        path = Path(folder, os.path.basename(name))
        path.write_bytes(data)
        return keras.models.load_model(str(path))


def _pickle(data: bytes, name: str) -> Any:
    return pickle.loads(data)


def _dill(data: bytes, name: str) -> Any:
    return registry.require("dill", feature=f"loading {name!r}").loads(data)


LOADERS: Mapping[str, Callable[[bytes, str], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("pkl", "pickle", "p", "cloudpickle"), _pickle),
        "dill": _dill,
        "joblib": _joblib,
        **dict.fromkeys(("npz", "npy"), _numpy),
        **dict.fromkeys(("pt", "pth"), _torch),
        "safetensors": _safetensors,
        "onnx": _onnx,
        **dict.fromkeys(("keras", "h5"), _keras),
        "json": lambda data, name: json.loads(data),
        "txt": lambda data, name: data.decode(),
    }
)
"""Suffix -> a function of the bytes and the file's name."""
