"""A model from its class's name, with its arguments, as `mlrun.mlutils.models` wrote it down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from mlrun_like.compat.adapted.helpers.finding import create_class
from mlrun_like.types import Document

__all__ = ["gen_sklearn_model", "get_class_fit"]


def get_class_fit(module_pkg_class: str) -> Document:
    """The arguments of a class (`CLASS`) and of its `fit` (`FIT`), and where it is from (`META`).

    Args:
        module_pkg_class: Such as `sklearn.linear_model.LogisticRegression`.
    """
    model = create_class(module_pkg_class)()
    package = module_pkg_class.partition(".")[0]
    return {
        "CLASS": model.get_params(),
        "FIT": {
            name: None if one.default is Parameter.empty else one.default
            for name, one in signature(model.fit).parameters.items()
        },
        "META": {
            "pkg_version": import_module(package).__version__,
            "class": module_pkg_class,
        },
    }


def gen_sklearn_model(model_pkg: str, skparams: Iterable[tuple[str, Any]]) -> Document:
    """The same, with the parameters of a run: `CLASS_max_depth` and `FIT_sample_weight` set one.

    Args:
        model_pkg: A class, or the path of a JSON file with such a document.
        skparams: Names and values; others are passed over.
    """
    if model_pkg.endswith("json"):
        config: Document = json.loads(Path(model_pkg).read_text(encoding="utf-8"))
    else:
        config = get_class_fit(model_pkg)
    for name, value in skparams:
        part, _, argument = name.partition("_")
        if part in ("CLASS", "FIT") and argument:
            config[part][argument] = value
    return config
