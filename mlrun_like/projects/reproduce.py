"""`reproduce`: a recorded run made anew in a fresh folder, and a report of what differs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, RunError
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.function import Function
from mlrun_like.functions.tasks import new_task
from mlrun_like.names import parse_function_uri, parse_run_uri
from mlrun_like.packaging.document import write_document
from mlrun_like.packaging.unpack import files_of
from mlrun_like.projects.comparing import (
    Difference,
    compare_code,
    compare_environment,
    compare_inputs,
    compare_runs,
    compare_source,
)
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.source import SOURCE
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.connect import open_store

__all__ = ["LABEL", "Reproduction", "reproduce"]

LABEL = "reproduces"
"""Of a run that was made anew: the uid of the first one."""


@dataclass
class Reproduction:
    """A run made anew.

    Args:
        original: The recorded run.
        folder: Where its code, lock, parameters and inputs lie.
        run: The new run; None if it was only prepared.
        differences: What is not as it was.
        inputs: SHA-256 of each input as it is now.
    """

    original: RunObject
    folder: Path
    run: RunObject | None = None
    differences: list[Difference] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether parameters, results, artifacts and state are the recorded ones."""
        outcome = ("parameter", "result", "artifact", "state")
        return self.run is not None and not any(d.what in outcome for d in self.differences)

    def __str__(self) -> str:
        lines = [f"run {self.original.uri} in {self.folder}"]
        if self.run is not None:
            lines.append(f"made anew as {self.run.uri}: {self.run.status.state}")
        lines += [f"  {item}" for item in self.differences] or ["  nothing differs"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "original": self.original.uri,
            "folder": str(self.folder),
            "run": self.run.uri if self.run is not None else None,
            "same": self.same,
            "differences": [item._asdict() for item in self.differences],
            "inputs": self.inputs,
        }


def reproduce(
    run: str | RunObject,
    folder: str | os.PathLike[str] = "",
    *,
    local: bool | None = None,
    execute: bool = True,
    project: str = "",
    watch: bool = False,
) -> Reproduction:
    """Make a recorded run anew from what is recorded of it, and compare.

    The code is the recorded version, whatever its file says today.

    Args:
        run: The run, or its `<project>@<uid>`.
        folder: A new or empty folder; by default one below the home folder.
        local: True: run in this process whatever the kind.
        execute: False: only write the folder and compare what is there before the run.
        project: Where the new run is recorded; by default the run's project.
        watch: Show what the run prints.

    Raises:
        NotFoundError: if the run or the version of its function is not recorded.
        InvalidArgumentError: if the folder holds something.
    """
    store = open_store()
    original = _find(run)
    document = _function_of(original)
    place = _fresh(folder, original)
    done = Reproduction(original, place)
    done.differences = [
        *compare_code(document),
        *compare_source(document, original),
        *compare_environment(document.spec.environment),
    ]
    found, done.inputs = compare_inputs(store, original)
    done.differences += found
    if original.metadata.annotations.get(SOURCE):  # its branch may have moved on
        document.spec.build.source = original.metadata.annotations[SOURCE]
    _write(place, document, original, done.inputs)
    if not execute:
        return done
    done.run = _run_again(document, original, local=local, project=project, watch=watch)
    done.differences += compare_runs(store, original, done.run)
    (place / "report.json").write_text(json.dumps(done.to_dict(), indent=2, default=str))
    return done


def _find(run: str | RunObject) -> RunObject:
    if isinstance(run, RunObject):
        return run.refresh()
    uri = parse_run_uri(run, config.default_project)
    store = open_store()
    document = store.read_run(uri.project, uri.uid, uri.iteration)
    return RunObject(parse(RunDoc, document, run), store)


def _function_of(run: RunObject) -> FunctionDoc:
    name = run.spec.function
    if not name:
        raise NotFoundError(
            "the run does not say which function it ran",
            where=run.uri,
            fix="only runs of functions can be made anew",
        )
    uri = parse_function_uri(name, run.metadata.project)
    document = open_store().read_function(uri.project, uri.name, tag=uri.tag, hash=uri.hash)
    found = FunctionDoc.from_dict(document, name)
    spec = found.spec
    if not (spec.build.functionSourceCode or spec.build.source or spec.command or spec.plan):
        raise NotFoundError(
            "the code of the run is not recorded: its function could not be captured",
            where=run.uri,
            fix="define the function at the top level of a file or notebook",
        )
    return found


def _fresh(folder: str | os.PathLike[str], run: RunObject) -> Path:
    if not folder:
        root = config.path("reproduced")
        root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{run.metadata.uid[:12]}-", dir=root))
    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InvalidArgumentError(
            f"folder {str(place)!r} is not empty", fix="choose a new one, or leave it out"
        )
    place.mkdir(parents=True, exist_ok=True)
    return place


def _write(place: Path, document: FunctionDoc, run: RunObject, inputs: dict[str, str]) -> None:
    """Everything a person needs to make the run by hand."""
    write_document(document, place / "function.yaml")
    build = document.spec.build
    if build.functionSourceCode:
        files, _ = files_of(document)
        for name, text in files.items():
            file = place / "code" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    environment = document.spec.environment
    lock = [f"{name}=={version}" for name, version in sorted(environment.lock.items())]
    head = (
        [f"# python {environment.python} on {environment.platform}"] if environment.python else []
    )
    (place / "requirements.lock").write_text("\n".join([*head, *lock, ""]), encoding="utf-8")
    rows = {
        "run": run.uri,
        "function": run.spec.function,
        "handler": run.spec.handler,
        "source": document.spec.build.source,
        "parameters": run.spec.parameters,
        "inputs": {
            name: {"url": url, "sha256": inputs.get(name, "")}
            for name, url in run.spec.inputs.items()
        },
        "hyperparams": run.spec.hyperparams,
        "returns": run.spec.returns,
        "results": run.status.results,
        "artifacts": run.status.artifact_uris,
    }
    (place / "run.json").write_text(json.dumps(rows, indent=2, default=str), encoding="utf-8")


def _run_again(
    document: FunctionDoc, run: RunObject, *, local: bool | None, project: str, watch: bool
) -> RunObject:
    function: Function[..., Any] = from_document(document.to_dict())
    spec, meta = run.spec, run.metadata
    task = new_task(
        name=meta.name,
        handler=spec.handler,
        params=spec.parameters,
        inputs=spec.inputs,
        hyper_params=spec.hyperparams or None,
        hyper_param_options=spec.hyper_param_options or None,
        returns=spec.returns,
    )
    task.spec.inputs_type_hints.update(spec.inputs_type_hints)
    task.spec.timeout = spec.timeout
    task.secret_sources = [each for each in spec.secret_sources if _is_at_hand(each)]
    try:
        return function.run(
            task,
            project=project or meta.project,
            local=local,
            watch=watch,
            labels={LABEL: meta.uid},
        )
    except RunError as exc:
        if not exc.where:
            raise
        return _find(_last_word(exc.where))


def _last_word(text: str) -> str:
    words: Sequence[str] = text.split()
    return words[-1] if words else text


def _is_at_hand(source: dict[str, Any]) -> bool:
    """Whether secrets of this source can be had; of inline ones only the names are recorded."""
    return source.get("kind") != "inline"
