"""From the arguments of `fn.run` to the document of a run."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.arguments import parse_inputs, parse_parameters
from mlrun_like.functions.defaults import default_artifact_path
from mlrun_like.functions.options import (
    check_mapping,
    check_path,
    check_retry,
    check_returns,
    check_timeout,
)
from mlrun_like.names import check_label, check_project, check_run_name, new_uid, normalize_name
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.secrets import public_sources
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.notification import read_notifications
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.specs.values import HyperParamOptions
from mlrun_like.tracking.meant import meant_session

__all__ = ["draft_run"]

_USER_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def draft_run(
    document: FunctionDoc,
    handler_name: str,
    options: HyperParamOptions,
    given: Mapping[str, Any],
) -> tuple[RunDoc, dict[str, Any]]:
    """The document of a run, and the parameters that are not plain data.

    Args:
        document: The function.
        handler_name: The entry point.
        options: How to sweep.
        given: The arguments of `fn.run`, completed from its task.

    Raises:
        InvalidArgumentError: if one of them cannot be used.
    """
    meta, spec = document.metadata, document.spec
    # MLRun's names, except that a function and its handler of one name are not named twice
    full = config.full_run_names
    short = re.sub(r"[^\w-]+", "-", re.split(r"[.#]|::", handler_name)[-1], flags=re.ASCII)
    short = short.strip("-_")
    default = meta.name
    if short and (full or normalize_name(short) != normalize_name(meta.name)):
        default = f"{meta.name}-{short}"
    name = given["name"] or default[:63].rstrip("-._")
    if full and isinstance(name, str):
        name = re.sub(r"[\s_]+", "-", name).lower()
    params, live = parse_parameters(check_mapping("params", given["params"], '{"depth": 4}'))
    inputs, hints = parse_inputs(check_mapping("inputs", given["inputs"], '{"data": "x.csv"}'))
    twice = sorted(params.keys() & inputs.keys())
    if twice:
        raise InvalidArgumentError(
            f"{twice[0]!r} is given as a parameter and as an input", fix="leave one of them out"
        )
    retry = check_retry(spec.retry if given["retry"] is None else given["retry"])
    timeout = check_timeout(spec.timeout if given["timeout"] is None else given["timeout"])
    labels = check_mapping("labels", given["labels"], '{"team": "fraud"}')
    labels = {
        **({} if meant_session() else {"owner": _label(_owner(*map(environment, _USER_NAMES)))}),
        **labels,
        "kind": _label(document.kind or "local"),
    }
    project = check_project(given["project"] or meta.project or config.default_project)
    run = RunDoc(
        metadata=RunMetadata(
            name=check_run_name(name),
            uid=given.get("uid") or new_uid(),
            project=project,
            labels=dict(check_label(str(k), str(v)) for k, v in labels.items()),
            annotations=given.get("annotations") or {},
        ),
        spec=RunSpec(
            handler=handler_name,
            parameters=params,
            inputs=inputs,
            inputs_type_hints={k: v for k, v in {**given["hints"], **hints}.items() if k in inputs},
            returns=check_returns(spec.returns if given["returns"] is None else given["returns"]),
            input_path=check_path("in_path", given.get("in_path")),
            output_path=check_path("artifact_path", given["artifact_path"])
            or default_artifact_path(project)
            or config.artifact_path,
            hyperparams=given["hyperparams"],
            hyper_param_options=options.to_dict(),
            log_level="debug" if given["verbose"] else "",
            retry=retry.to_dict() if retry is not None else {},
            timeout=timeout,
            secret_sources=public_sources(given["secret_sources"]),
            notifications=[item.public() for item in read_notifications(given["notifications"])],
            custom_packagers=_packagers(project),
            reset_on_run=given.get("reset_on_run"),
            allow_empty_resources=given.get("allow_empty_resources") or spec.allow_empty_resources,
        ),
        status=RunStatus(state="created", start_time=utc_now()),
    )
    return run, live


def _packagers(project: str) -> list[Any]:
    """The packers of the project at hand; the run takes them along, wherever it goes."""
    module = sys.modules.get("mlrun_like.projects.current")  # else no project is at hand
    current = module.get_current_project(silent=True) if module else None
    return list(current.spec.custom_packagers) if current and current.name == project else []


@lru_cache(maxsize=8)
def _owner(*names: str | None) -> str:
    """The user's name; `names` are the variables that it depends on."""
    del names
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _label(text: str) -> str:
    """What is recorded by itself must never stop a run because of a character."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.")
