"""What runs in a step's container: `python -m mlrun_like.pipelines.exports.kubeflow.step`.

It gets Kubeflow's executor input (values of inputs, files for outputs) and what the step does as
JSON; it runs the function as a recorded run and writes its outputs. Values of other steps are JSON
texts; one above 64 KiB is written to the run's artifact path and handed over as its URL.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.paths import expand_artifact_path
from mlrun_like.artifacts.stores import join_url, open_file_store
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, PipelineError, nearest
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.running import run_function
from mlrun_like.names import new_uid
from mlrun_like.pipelines.document import value_from_document, value_to_document
from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.pipelines.exports.kubeflow.record import KubeflowRecord
from mlrun_like.pipelines.refs import ItemRef, substitute
from mlrun_like.pipelines.values import Ref

__all__ = ["LARGEST", "main", "read_value", "run_step"]

LARGEST = 64 * 1024
"""Bytes of a value's text above which it travels as a file."""

_LARGE = "$mlrun-like-large"
_OWN = ("{{project}}", "{{run.uid}}")


class _Missing(Exception):
    """A value that is not there, since what gives it failed or was skipped."""


def run_step(
    spec: Mapping[str, Any], given: Mapping[str, Any], workflow: str = ""
) -> dict[str, str]:
    """Do what a step does; gives the text of each output.

    Args:
        spec: What the exporter wrote: `function`, `params`, `inputs`, `options`, `values` (what
            each input stands for), `outputs` (name, key and view of each); or `items`, or `decide`.
        given: Values of inputs.
        workflow: The id of the run of the pipeline.

    Raises:
        PipelineError: if a value is missing or does not fit.
        RunError: if the function failed.
    """
    known = {
        json.dumps(row["ref"], sort_keys=True): _read(given[name], row, spec["step"])
        for name, row in spec["values"].items()
        if name in given
    }
    for name, row in spec["values"].items():
        if name not in given and not {"$param", "$item"}.isdisjoint(row["ref"]):
            known[json.dumps(row["ref"], sort_keys=True)] = None  # how Kubeflow hands over None

    def resolve_ref(ref: Ref) -> Any:
        path: tuple[str | int, ...] = ()
        if isinstance(ref, ItemRef):
            ref, path = ItemRef(ref.loop), ref.path
        key = json.dumps(value_to_document(ref), sort_keys=True)
        if key not in known:
            raise _Missing(ref.text)
        found = known[key]
        if isinstance(found, _NotGiven):
            raise PipelineError(found.text, where=f"step {spec['step']!r}")
        for part in path:
            try:
                found = found[part]
            except (LookupError, TypeError) as exc:
                raise PipelineError(
                    f"the item is {found!r:.80}, which has no {part!r}", where=ref.text
                ) from exc
        return found

    def filled(key: str) -> dict[str, Any]:
        found = {}
        for name, item in (spec.get(key) or {}).items():
            try:
                found[name] = substitute(value_from_document(item), resolve_ref)
            except _Missing as exc:
                if not spec.get("lenient"):
                    raise PipelineError(
                        f"{exc} is not there", where=f"step {spec['step']!r}"
                    ) from exc
        return found

    if "items" in spec:
        return _texts({"items": substitute(value_from_document(spec["items"]), resolve_ref)}, spec)
    if "decide" in spec:
        conditions = [value_from_document(each) for each in spec["decide"]]
        held = (
            number
            for number, condition in enumerate(conditions)
            if condition is None or condition.decide(resolve_ref)[0]
        )
        return _texts({"arm": next(held, -1)}, spec)
    params, inputs, options = filled("params"), filled("inputs"), filled("options")
    if spec.get("plain_call"):
        uris = [k for k, v in params.items() if isinstance(v, str) and v.startswith("store://")]
        inputs.update({key: params.pop(key) for key in uris})
    run = _recorded(spec, {**options, "params": params, "inputs": inputs}, workflow)
    return _texts(run.outputs, spec, run)


def _recorded(spec: Mapping[str, Any], options: dict[str, Any], workflow: str) -> Any:
    """Run the function as a step of the pipeline's run."""
    options["uid"] = new_uid()
    if not workflow:
        return _run(spec, options, "kubeflow")
    record = KubeflowRecord(workflow, options.get("project") or "")
    if not record.begin(str(spec.get("pipeline") or "pipeline")):
        raise PipelineError("the run was aborted", where=f"step {spec['step']!r}")
    began, state, reason = time.time(), "error", ""
    try:
        run = _run(spec, options, record.uid)
        state = run.state()
    except MLRunLikeError as exc:
        reason = exc.what
        raise
    finally:
        if not spec.get("looped"):  # rounds have no numbers here: their runs are found by label
            record.step(str(spec["step"]), state, options["uid"], began, reason)
    return run


def _run(spec: Mapping[str, Any], options: dict[str, Any], workflow: str) -> Any:
    options["labels"] = {**(options.get("labels") or {}), "workflow": workflow}
    whole: dict[str, Any] = {**dict.fromkeys(RUN_OPTIONS), **options}
    whole.update(
        name=options.get("name") or spec["step"],
        project=options.get("project") or "",
        artifact_path=options.get("artifact_path") or "",
        watch=False,
        local=True,  # this container is where it runs
        annotations={STEP: spec["step"]},
    )
    return run_function(from_document(spec["function"]), whole)


class _NotGiven:
    """An output that its step did not give."""

    def __init__(self, text: str) -> None:
        self.text = text


def _read(value: Any, row: Mapping[str, Any], step: str) -> Any:
    """A value as Python had it."""
    form, depth = row["form"], int(row.get("depth", 0))
    if depth:
        rows = json.loads(value) if isinstance(value, str) else value
        return [_read(each, {**row, "depth": depth - 1}, step) for each in rows]
    if form == "json":
        if value == "":
            made, key = row["ref"].get("$output", ("a step before", "value"))
            return _NotGiven(f"step {made!r} gave no output {key!r}")
        return read_value(value)
    if form == "status":
        return _status(json.loads(value) if isinstance(value, str) else value)
    return _plain(value, form)


def read_value(text: str) -> Any:
    """The value of an output's text, wherever it is kept."""
    found = json.loads(text)
    if isinstance(found, dict) and set(found) == {_LARGE}:
        store, path = open_file_store(found[_LARGE])
        return json.loads(store.read(path))
    return found


def _plain(value: Any, form: str) -> Any:
    """A parameter or item: JSON knows no whole numbers, so 3.0 is 3 unless a float is wanted."""
    if form == "NUMBER_DOUBLE":
        return float(value)
    if form == "loose":
        try:
            return json.loads(value) if isinstance(value, str) else _plain(value, "")
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item, "") for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, "") for key, item in value.items()}
    return value


def _status(found: Mapping[str, Any]) -> dict[str, Any]:
    failed = str(found.get("state", "")) in ("FAILED", "CANCELLED")
    error = str((found.get("error") or {}).get("message") or "") or "a step failed"
    return {
        "state": "error" if failed else "completed",
        "error": error if failed else "",
        "steps": {},
    }


def _texts(outputs: Mapping[str, Any], spec: Mapping[str, Any], run: Any = None) -> dict[str, str]:
    found = {}
    for name, key, view in spec["outputs"]:
        where = f"output {key!r} of step {spec['step']!r}"
        if key in outputs:
            found[name] = _text(outputs[key], view, where, run)
        elif view == "json":
            found[name] = ""  # who uses it is told
        else:
            raise PipelineError(
                f"step {spec['step']!r} gave no output {key!r}.{nearest(key, outputs)}",
                fix="a condition or loop needs it",
            )
    return found


def _text(value: Any, view: str, where: str, run: Any) -> str:
    if view == "json":
        text = json.dumps(value, sort_keys=True, default=str)
        return text if len(text) <= LARGEST or run is None else _by_reference(text, where, run)
    if view == "list" and isinstance(value, int) and not isinstance(value, bool):
        value = list(range(value))
    fits = {
        "number": isinstance(value, (int, float)),
        "flag": isinstance(value, (bool, int)),
        "text": isinstance(value, str),
        "list": isinstance(value, (list, tuple)),
    }
    if not fits[view]:
        raise PipelineError(
            f"{where} is {value!r:.80}; a condition or loop wants a {view}",
            fix="return such a value",
        )
    if view == "text":
        return str(value)
    return json.dumps(bool(value) if view == "flag" else value, default=str)


def _by_reference(text: str, where: str, run: Any) -> str:
    key = hashlib.sha256(where.encode()).hexdigest()[:12]
    template = run.spec.output_path or config.artifact_path or str(config.path("artifacts", *_OWN))
    meta = run.metadata
    folder = expand_artifact_path(template, meta.project, meta.uid)
    url = join_url(folder, f"{meta.uid}-{key}.json")
    store, path = open_file_store(url)
    store.write(path, [text.encode()])
    return json.dumps({_LARGE: url})


def main(arguments: list[str] | None = None) -> int:
    """Run a step; gives the exit code of its container."""
    parser = argparse.ArgumentParser(prog="mlrun_like.pipelines.exports.kubeflow.step")
    for name in ("executor_input", "step"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("workflow", "contract"):
        parser.add_argument(f"--{name}", default="")
    asked = parser.parse_args(arguments)
    try:
        executor, spec = json.loads(asked.executor_input), json.loads(asked.step)
        values = (executor.get("inputs") or {}).get("parameterValues") or {}
        if not {"step", "values", "outputs"} <= set(spec):
            raise ValueError("parts are missing")
    except (ValueError, TypeError, AttributeError) as exc:
        sys.stderr.write(f"this is not what the exporter wrote: {exc}\n")
        return 1
    try:
        texts = run_step(spec, values, asked.workflow)
    except MLRunLikeError as exc:
        sys.stderr.write(f"step {spec['step']!r}: {exc}\n")
        return 1
    files = (executor.get("outputs") or {}).get("parameters") or {}
    for name, text in texts.items():
        target = Path(files[name]["outputFile"])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
