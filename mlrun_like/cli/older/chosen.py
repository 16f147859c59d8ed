"""The function that a command names: code, a document, a record, a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.artifacts.archives import archive_format_of
from mlrun_like.cli.older.carried import carried_code, place_code
from mlrun_like.cli.older.values import mapping_of, refuse
from mlrun_like.cli.project import function_named
from mlrun_like.cli.values import parse_value
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.creators import code_to_function, import_function, new_function
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.files import split_command
from mlrun_like.functions.function import Function
from mlrun_like.packaging.fetching import is_address
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Wanted", "function_of", "named_function"]

_IMAGE = "mlrun/mlrun"
_HERE = ("", "local", "handler", "dask")


class Wanted(NamedTuple):
    """What the words of a command say of its function; empty: nothing.

    Args:
        url: A file or program with its arguments.
        func_url: A document, a record `db://`, or a function of the project in this folder.
        runtime: A document's text.
        kind: Where it runs.
        handler: The entry point.
        project: Its project.
        image: Its image.
        mode: `pass` runs the url as it is.
        source: A repository or archive with the code.
        origin: What carried code's file was called.
        name: Its name.
    """

    url: str = ""
    func_url: str = ""
    runtime: str = ""
    kind: str = ""
    handler: str = ""
    project: str = ""
    image: str = ""
    mode: str = ""
    source: str = ""
    origin: str = ""
    name: str = ""


def function_of(wanted: Wanted, carried: bool = False) -> Function[..., Any]:
    """The function.

    Args:
        wanted: What is said of it.
        carried: Its code may be in the environment.

    Raises:
        InvalidArgumentError: if its parts contradict each other.
        NotFoundError: if there is none.
    """
    _check_source(wanted.source)
    if wanted.mode not in ("", "pass"):
        raise InvalidArgumentError(
            f"mode {wanted.mode!r:.60} is unknown", fix="--mode pass, or leave it out"
        )
    literal = parse_value(wanted.url)  # quotes that a shell left
    url = literal if isinstance(literal, str) else wanted.url
    if wanted.func_url:
        found = named_function(wanted.func_url, wanted.project)
        if found.kind not in _HERE and Path(_first(url)).is_file():
            found.with_code(from_file=_first(url))
            found.spec.args = split_command(url)[1:] or found.spec.args
            url = ""
        return _completed(found, url, wanted)
    if wanted.kind and wanted.kind not in _HERE and Path(_first(url)).is_file():
        made = code_to_function(
            wanted.name, wanted.project, "", _first(url), wanted.handler, wanted.kind,
            wanted.image or _IMAGE,
        )  # fmt: skip
        made.spec.args = split_command(url)[1:]
        return _completed(made, "", wanted)
    document = mapping_of(wanted.runtime, "runtime") if wanted.runtime else {}
    code = carried_code() if carried else ""
    if code:
        read = FunctionDoc.from_dict(document, "--runtime") if document else FunctionDoc()
        origin = read.spec.build.origin_filename or wanted.origin
        url = place_code(code, url, wanted.mode, origin)
    if url == "*":
        refuse("command/url '*' placeholder is not allowed when code is not from env")
    kind = wanted.kind or str(document.get("kind") or "")
    if kind in ("", "local") and not url and "." not in wanted.handler and not document:
        raise InvalidArgumentError(
            "run needs a file, a command or a function", fix="mlrun run train.py --handler train"
        )
    function = new_function(
        wanted.name, wanted.project, kind=kind, command=url, runtime=document, mode=wanted.mode
    )
    if code:  # it is in this folder, and known to whoever sent it
        function.spec.build.functionSourceCode, function.spec.build.modules = "", {}
    return _completed(function, "", wanted)


def named_function(url: str, project: str = "") -> Function[..., Any]:
    """A function by the address of its document or record, or its name in `./project.yaml`."""
    url = "function.yaml" if url == "." else url
    if "://" in url or url.endswith((".yaml", ".yml", ".json")):
        return import_function(url, project=project)
    found: Function[..., Any] = function_named(url)
    return found


def _completed(function: Function[..., Any], url: str, wanted: Wanted) -> Function[..., Any]:
    document = function.to_dict()
    document["kind"] = wanted.kind or document["kind"]
    function = from_document(document, wanted.func_url)
    spec = function.spec
    if url:
        spec.command, *spec.args = split_command(url)
    spec.mode = wanted.mode or spec.mode
    if wanted.image or function.kind not in _HERE:
        spec.image = wanted.image or spec.image or _IMAGE
    if wanted.source:
        spec.build.source, spec.build.load_source_on_run = wanted.source, True
    return function


def _check_source(source: str) -> None:
    """A folder is at hand without being fetched: a run works in it (`--workdir`), not on a copy."""
    if source and source != "." and not is_address(source) and not archive_format_of(source):
        raise InvalidArgumentError(
            f"source ({source}) must be a compressed (tar.gz / zip) file, a git repo, a file path "
            "or in the project's context (.)",
            fix="--workdir FOLDER runs in a folder",
        )


def _first(url: str) -> str:
    return split_command(url)[0] if url.strip() else ""
