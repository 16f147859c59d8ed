"""Digests, tables of text, and what is around a process."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mlrun_like.configuration import config, environment
from mlrun_like.errors import TooLargeError
from mlrun_like.registry import require

__all__ = [
    "LogBatchWriter",
    "Singleton",
    "are_strings_in_exception_chain_messages",
    "calculate_dataframe_hash",
    "calculate_local_file_hash",
    "enrich_image_url",
    "fill_function_hash",
    "fill_object_hash",
    "filter_warnings",
    "flatten",
    "format_run",
    "gen_html_table",
    "gen_md_table",
    "get_project_url",
    "get_run_url",
    "get_workflow_url",
    "is_file_path",
    "is_ipython",
    "is_jupyter",
    "is_running_in_jupyter_notebook",
    "is_running_in_runtime",
    "is_safe_path",
    "is_valid_port",
    "run_in_threadpool",
    "to_parquet",
    "validate_inline_artifact_body_size",
]

F = TypeVar("F", bound=Callable[..., Any])
is_ipython = "IPython" in sys.modules and bool(sys.modules["IPython"].get_ipython())
is_jupyter = is_ipython and "ipykernel" in sys.modules
_LARGEST_BODY = 16 << 20


class Singleton(type):
    """A metaclass: there is one object of such a class."""

    _instances: ClassVar[dict[type, Any]] = {}

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """The object, made by the first call."""
        if cls not in cls._instances:
            cls._instances[cls] = super().__call__(*args, **kwargs)
        return cls._instances[cls]


class LogBatchWriter:
    """Gathers text and hands it on by so many writes, or after so many seconds."""

    def __init__(self, func: Callable[[str], Any], batch: int = 16, maxtime: float = 5) -> None:
        self.func, self.batch, self.maxtime = func, batch, maxtime
        self.buffer, self.start_time = "", datetime.now()

    def write(self, data: str) -> None:
        """Add text."""
        self.buffer += data
        self.batch -= 1
        if (datetime.now() - self.start_time).seconds > self.maxtime or self.batch <= 0:
            self.flush()

    def flush(self) -> None:
        """Hand on what there is."""
        self.func(self.buffer)
        self.buffer, self.start_time = "", datetime.now()


def calculate_local_file_hash(filename: str) -> str:
    """SHA-1 of a file's bytes, in hexadecimal digits."""
    digest = hashlib.sha1(usedforsecurity=False)
    with Path(filename).open("rb") as file:
        while chunk := file.read(1 << 17):
            digest.update(chunk)
    return digest.hexdigest()


def calculate_dataframe_hash(dataframe: Any) -> str:
    """SHA-1 of a frame's rows."""
    pandas = require("pandas", feature="hashes of frames")
    values = pandas.util.hash_pandas_object(dataframe).values
    return hashlib.sha1(values.tobytes(), usedforsecurity=False).hexdigest()


def fill_object_hash(object_dict: dict[str, Any], uid_property_name: str, tag: str = "") -> str:
    """Write the hash of a document's content into its metadata, and give it."""
    meta = object_dict.setdefault("metadata", {})
    tag = tag or meta.get("tag") or ""
    left_out = ("tag", uid_property_name, "updated", "created")
    kept = {key: value for key, value in meta.items() if key not in left_out}
    empty = {"tag": "", uid_property_name: "", "updated": None}
    content = {**object_dict, "metadata": {**kept, **empty}, "status": None}
    data = json.dumps(content, sort_keys=True, default=str).encode()
    uid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    meta["tag"], meta[uid_property_name] = tag, uid
    object_dict.setdefault("status", {})
    return uid


def fill_function_hash(function_dict: dict[str, Any], tag: str = "") -> str:
    """The same of a function."""
    return fill_object_hash(function_dict, "hash", tag)


def validate_inline_artifact_body_size(body: str | bytes | None) -> None:
    """Raise TooLargeError if a body cannot be part of a document."""
    if body and len(body) > _LARGEST_BODY:
        raise TooLargeError(
            "The body of the artifact exceeds the maximum allowed size.",
            fix="log it as a file: local_path or target_path",
        )


def gen_md_table(header: Iterable[Any], rows: Iterable[Iterable[Any]] | None = None) -> str:
    """A table in Markdown.

    >>> print(gen_md_table(["a"], [[1]]), end="")
    | a |
    | --- |
    | 1 |
    """
    names = list(header)
    lines = [names, ["---"] * len(names), *(rows or ())]
    return "".join("|" + "".join(f" {cell} |" for cell in line) + "\n" for line in lines)


def gen_html_table(header: Iterable[Any], rows: Iterable[Iterable[Any]] | None = None) -> str:
    """A table in HTML; cells are given as they are."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows or ()
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def flatten(df: Any, col: str, prefix: str = "") -> Any:
    """A frame with a column of mappings spread out into columns."""
    names = list(dict.fromkeys(key for row in df[col] if row for key in row))
    for name in names:
        df[prefix + name] = [row.get(name, "") if row else "" for row in df[col]]
    return df.drop(columns=[col])


def to_parquet(df: Any, *args: Any, **kwargs: Any) -> None:
    """Write a frame, with times in milliseconds."""
    kwargs.setdefault("coerce_timestamps", "ms")
    kwargs.setdefault("allow_truncated_timestamps", True)
    df.to_parquet(*args, **kwargs)


def format_run(run: Mapping[str, Any], with_project: bool = False) -> dict[str, Any]:
    """The parts of a pipeline's run that lists show."""
    names = ["id", "name", "status", "error", "created_at", "scheduled_at", "finished_at"]
    names += ["description", "experiment_id", *(["project"] if with_project else [])]
    return {name: str(run[name]) if run.get(name) else "" for name in names if name in run}


def are_strings_in_exception_chain_messages(
    exception: BaseException | None, strings_list: Iterable[str]
) -> bool:
    """Whether an exception or one of its causes says one of these."""
    while exception is not None:
        if any(text in str(exception) for text in strings_list):
            return True
        exception = exception.__cause__
    return False


def filter_warnings(action: Any, category: type[Warning]) -> Callable[[F], F]:
    """A decorator: the function's warnings of a class are ignored, or whatever is said."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter(action, category)
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate


async def run_in_threadpool(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function in a thread, and wait for it."""
    return await asyncio.to_thread(func, *args, **kwargs)


def enrich_image_url(image_url: str, *versions: str | None) -> str:
    """An image's name as it is: nothing is put before it here."""
    del versions
    return image_url.strip()


def get_project_url(project: str) -> str:
    """The page of a project, if a service is configured."""
    address = str(config.dbpath)
    return f"{address.rstrip('/')}/projects/{project}" if address.startswith("http") else ""


def get_run_url(project: str, uid: str, name: str = "") -> str:
    """The page of a run, if a service is configured."""
    del name
    base = get_project_url(project)
    return f"{base}/runs/{uid}" if base else ""


def get_workflow_url(project: str, id: str | None = None) -> str:
    """The page of a workflow's run, if a service is configured."""
    return get_run_url(project, id or "")


def is_running_in_jupyter_notebook() -> bool:
    """Whether this is a notebook."""
    return is_jupyter


def is_running_in_runtime() -> bool:
    """Whether this process executes a run."""
    return bool(environment("MLRUN_EXEC_CONFIG") or config.exec or config.exec_file)


def is_file_path(filepath: str) -> bool:
    """Whether it is a file with a suffix."""
    return Path(filepath).is_file() and bool(Path(filepath).suffix)


def is_safe_path(base: str, filepath: str, is_symlink: bool = False) -> bool:
    """Whether a path does not lead out of a folder."""
    real = os.path.realpath if is_symlink else os.path.abspath  # both do away with ".."
    file = Path(real(Path(base, filepath) if is_symlink else filepath))
    return Path(real(base)) in (file, *file.parents)


def is_valid_port(port: Any, raise_on_error: bool = False) -> bool:
    """Whether it can be the number of a port.

    Raises:
        ValueError: if it cannot, and that was asked for.
    """
    fine = isinstance(port, int) and 0 <= port <= 65535
    if not fine and raise_on_error:
        raise ValueError("Port must be in the range 0-65535")
    return fine
