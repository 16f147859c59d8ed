"""The sweep that `fn.run` is asked for, checked before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import to_result
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.functions.options import check_mapping
from mlrun_like.runs.generators import parse_param_file
from mlrun_like.runs.secrets import find_secret
from mlrun_like.runs.sweep import check_sweep
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["read_sweep", "sweep_options"]


def read_sweep(
    given: Mapping[str, Any], secrets: Mapping[str, str]
) -> tuple[dict[str, Any], HyperParamOptions, list[str]]:
    """The values, the options, and the names of all parameters that vary.

    A parameter file is read here only to check it; the run reads it again.

    Args:
        given: The arguments of `fn.run`.
        secrets: What opens the parameter file.

    Raises:
        InvalidArgumentError: if an option or value cannot be used.
        NotFoundError: if the parameter file is not there.
    """
    options = sweep_options(given["hyper_param_options"])
    lists = check_mapping("hyperparams", given["hyperparams"], '{"depth": [2, 4]}')
    values = {
        str(name): list(items) if hasattr(items, "__next__") else items
        for name, items in lists.items()
    }
    check_sweep(values, options)
    if options.param_file:
        if "://" not in options.param_file:  # the run may be in another folder
            options = replace(options, param_file=str(Path(options.param_file).absolute()))
        names = _names_in_file(options, secrets)
    else:  # a handler that makes its own children asks the context for the values
        names = [] if options.strategy == "custom" else list(values)
    return {name: _listed(items) for name, items in values.items()}, options, names


def sweep_options(raw: Any) -> HyperParamOptions:
    """HyperParamOptions, from themselves or as plain data; None is the defaults.

    Raises:
        InvalidArgumentError: if an option is unknown or cannot be used.
    """
    if raw is None:
        return HyperParamOptions()
    if isinstance(raw, HyperParamOptions):
        return raw
    if not isinstance(raw, Mapping):
        raise InvalidArgumentError(
            f"hyper_param_options must be HyperParamOptions(...), not {raw!r}",
            fix="hyper_param_options=HyperParamOptions(selector='max.accuracy')",
        )
    known = [field.name for field in fields(HyperParamOptions) if field.init]
    for name in raw:
        if name not in known:
            raise InvalidArgumentError(
                f"HyperParamOptions has no option {name!r}.{nearest(str(name), known)}",
                fix=f"options: {', '.join(known)}",
            )
    return HyperParamOptions(**raw)


def _names_in_file(options: HyperParamOptions, secrets: Mapping[str, str]) -> list[str]:
    item = get_dataitem(options.param_file, secrets=lambda key: find_secret(key, secrets))
    text = str(item.get(encoding="utf-8"))
    values, strategy = parse_param_file(options.param_file, text, options.strategy)
    check_sweep(values, replace(options, param_file="", strategy=strategy))
    return list(values)


def _listed(values: Any) -> Any:
    plain = isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__")
    return to_result(values if plain else list(values))
