"""`FILE[:NAME]` on a command line as a pipeline."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from mlrun_like.errors import MissingFileError, NotFoundError, PipelineError, nearest
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.resume import pipeline_in
from mlrun_like.pipelines.workflow import load_workflow, plan_of

__all__ = ["find_pipeline", "planned"]

_CODE = (".py", ".ipynb")


def find_pipeline(target: str) -> Pipeline:
    """The pipeline that a command line names.

    Args:
        target: `file.py`, `file.py:name`, `file.ipynb:name`, `package.module:name`; the name can be
            left out if there is one pipeline. A name may be of a plain function, as in MLRun's
            workflow files.

    Raises:
        MissingFileError: if there is no such file.
        NotFoundError: if there is no such module, or no pipeline of that name; it lists those that
            are there.
    """
    file, name = _split(target)
    if not file.endswith(_CODE):
        return pipeline_in(_module_file(file), name)
    if not Path(file).is_file():
        folder = Path(file).parent
        near = nearest(Path(file).name, os.listdir(folder)) if folder.is_dir() else ""
        raise MissingFileError(
            f"there is no file {file!r}.{near}",
            where=str(Path.cwd()),
            fix="give the path of a .py or .ipynb file, or FILE.py:NAME",
        )
    try:
        return pipeline_in(file, name)
    except NotFoundError:
        if not file.endswith(".py"):
            raise
        try:
            return load_workflow(file, name)
        except NotFoundError:
            pass
        raise


def planned(target: str) -> Plan:
    """Its plan.

    Raises:
        PipelineError: naming every mistake; or if it is dynamic, so that there is none.
    """
    found = plan_of(find_pipeline(target))
    if found is None:
        raise PipelineError(
            "it is dynamic: its body runs anew each time, so there is no plan",
            where=target,
            fix="use dsl.If and dsl.ParallelFor in place of Python's if and for, without "
            "dynamic=True",
        )
    return found


def _split(target: str) -> tuple[str, str]:
    for suffix in _CODE:
        file, mark, name = target.partition(f"{suffix}:")
        if mark and not Path(target).exists():
            return file + suffix, name
    if target.endswith(_CODE):
        return target, ""
    module, _, name = target.partition(":")
    return module, name


def _module_file(module: str) -> str:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise NotFoundError(
            f"{module!r} is neither a .py or .ipynb file nor a module",
            where=folder,
            fix="mlrun-like pipeline plan FILE.py[:NAME]",
        )
    return spec.origin
