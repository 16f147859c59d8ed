"""Functions from files, properties, documents and the store."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError, NotFoundError
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.files import (
    apply_declared,
    calling_file,
    from_config,
    split_command,
    write_code,
)
from mlrun_like.functions.function import Function
from mlrun_like.functions.hub import hub_address
from mlrun_like.functions.kinds import called_handler, check_kind, class_of
from mlrun_like.functions.options import (
    check_list,
    check_mapping,
    check_path,
    check_texts,
    name_after,
    requirement_lines,
)
from mlrun_like.names import check_project, check_tag, normalize_name, parse_function_uri
from mlrun_like.packaging.declared import declared_options
from mlrun_like.packaging.document import read_document
from mlrun_like.packaging.environment import capture_environment, imports_in
from mlrun_like.packaging.loader import load_module, module_from_path
from mlrun_like.packaging.running import capture_code
from mlrun_like.packaging.source import embed
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.tracking.connect import open_store

__all__ = ["code_to_function", "function_to_module", "import_function", "new_function"]


def code_to_function(  # noqa: PLR0913 - MLRun's signature
    name: str = "",
    project: str = "",
    tag: str = "",
    filename: str | os.PathLike[str] = "",
    handler: str | None = "",
    kind: str = "",
    image: str | None = None,
    code_output: str = "",
    embed_code: bool = True,
    description: str = "",
    requirements: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    labels: Mapping[str, Any] | None = None,
    with_doc: bool = True,
    ignored_tags: str | None = None,
    requirements_file: str = "",
) -> Function[..., Any]:
    """A function from a `.py` file or a notebook.

    Args:
        name: The function's name; by default the file's.
        project: Its project.
        tag: A tag for saved versions.
        filename: The file; by default the notebook or script this is called from.
        handler: The entry point called by default.
        kind: Where it runs; may also be declared in the notebook (`%nuclio config kind = "job"`).
        image: Container image.
        code_output: For notebooks: write the generated code to this file or folder.
        embed_code: False: do not embed, run the file where it is (not for notebooks).
        description: One line about it.
        requirements: Package specifiers.
        categories: Categories shown in a catalogue.
        labels: Labels.
        with_doc: Describe parameters from annotations and docstrings.
        ignored_tags: Notebook cell tags to leave out, separated by `;`.
        requirements_file: A file with one specifier a line.

    Raises:
        FunctionError: if no kind or name is known, or two options contradict each other.
        PackagingError: if the file cannot become code.
    """
    path = check_path("filename", filename) or calling_file()
    handler = called_handler(handler or "", kind, path)
    is_notebook = path.endswith(".ipynb")
    if code_output and not is_notebook:
        what = f"code_output is for notebooks, and {path!r} is not one"
        raise FunctionError(what, fix="leave code_output out")
    if is_notebook and not (embed_code or code_output):
        raise FunctionError(
            "a notebook's code must be embedded or written to a file",
            where=path,
            fix="leave embed_code=False out, or give code_output",
        )
    with config.override(ignored_notebook_tags=ignored_tags or config.ignored_notebook_tags):
        captured, found = capture_code(path, name, handler, embed=embed_code or is_notebook)
    document = from_config(found, path)
    declared = declared_options(captured.code, handler) if handler else {}
    document.kind = check_kind(kind or found.get("kind") or declared.get("kind") or "", path)
    if document.kind == "application":
        raise FunctionError(
            "Embedding a code file is not supported for application runtime",
            where=path,
            fix="choose another kind",
        )
    handler = called_handler(handler, document.kind, path)
    meta, spec = document.metadata, document.spec
    meta.name = name_after(name or meta.name or declared.get("name") or "", Path(path).stem)
    meta.project = check_project(project or config.default_project)
    meta.tag = check_tag(tag) if tag else ""
    meta.categories = check_texts("categories", categories, '["training"]')
    own = check_mapping("labels", labels, '{"team": "fraud"}')
    meta.labels = {**meta.labels, **{str(k): str(v) for k, v in own.items()}}
    spec.description = description or spec.description
    spec.image = image or spec.image
    embed(document, captured)
    written = write_code(captured.code, code_output, meta.name) if code_output else path
    if not embed_code:
        spec.command, spec.build.functionSourceCode, spec.build.modules = written, "", {}
    spec.default_handler = handler
    if not with_doc:
        spec.entry_points = {}
    wanted = requirement_lines(requirements, requirements_file)
    apply_declared(spec, declared)
    spec.build.requirements = list(dict.fromkeys([*spec.build.requirements, *wanted]))
    spec.environment = capture_environment(spec.build.requirements, imports_in(captured.code))
    return from_document(document.to_dict(), path)


def new_function(  # noqa: PLR0913 - MLRun's signature
    name: str = "",
    project: str = "",
    tag: str = "",
    kind: str = "",
    command: str = "",
    image: str = "",
    args: Sequence[Any] | None = None,
    runtime: Mapping[str, Any] | None = None,
    mode: str = "",
    handler: str | Callable[..., Any] = "",
    source: str = "",
    requirements: Sequence[str] | None = None,
    kfp: bool | None = None,
    requirements_file: str = "",
) -> Function[..., Any]:
    """A function from its properties.

    Args:
        name: Its name; by default the command's file name.
        project: Its project.
        tag: A tag for saved versions.
        kind: Where it runs; empty with a command: `local`, empty without: `handler` (the callable
            is given to `run`).
        command: A program file to run, with its arguments if any; `{param}` is filled from the
            run's parameters.
        image: Container image.
        args: Arguments of the command; `{param}` is filled in too.
        runtime: A document to start from.
        mode: `pass` runs the command as it is, whatever program it is.
        handler: Default entry point.
        source: Where the code is.
        requirements: Package specifiers.
        kfp: MLRun's, for a function in a Kubeflow pipeline.
        requirements_file: A file with one specifier a line.

    Raises:
        FunctionError: if two options contradict each other.
    """
    del kfp
    live = handler if callable(handler) else None
    command, *first = split_command(check_path("command", command))
    start = check_mapping("runtime", runtime, "{...}")
    kind = kind or start.get("kind") or ("local" if command else "handler")
    kind = check_kind(kind, "new_function")
    if image and kind in ("local", "handler"):
        raise FunctionError(
            f"image={image!r} has no effect on kind={kind!r}", fix="leave image out"
        )
    document = FunctionDoc.from_dict(start, "new_function(runtime=)") if start else FunctionDoc()
    document.kind = kind
    called = "" if live is None else str(getattr(live, "__name__", type(live).__name__))
    stem = Path(command).stem or called or "mlrun-function"
    document.metadata = FunctionMetadata(
        **{
            **document.metadata.model_dump(),
            "name": name_after(name or document.metadata.name, stem),
            "project": check_project(
                project or document.metadata.project or config.default_project
            ),
            "tag": check_tag(tag) if tag else document.metadata.tag,
        }
    )
    spec: FunctionSpec = document.spec
    if mode not in ("", "pass"):
        raise FunctionError(f"mode {mode!r} is unknown", fix="mode='pass', or leave it out")
    spec.command, spec.image = command or spec.command, image or spec.image
    spec.mode = mode or spec.mode
    spec.args = [*first, *check_list("args", args or spec.args, '["--depth", "{depth}"]')]
    spec.build.source = source or spec.build.source
    if (
        not mode
        and command.endswith((".py", ".ipynb"))
        and "{" not in command
        and Path(command).is_file()
    ):
        captured, _ = capture_code(command, document.metadata.name)
        embed(document, captured)
    spec.default_handler = called or str(handler or spec.default_handler)
    wanted = requirement_lines(requirements, requirements_file)
    spec.build.requirements = list(dict.fromkeys([*spec.build.requirements, *wanted]))
    return class_of(kind)(live, None, document)


def import_function(
    url: str | os.PathLike[str],
    secrets: Mapping[str, str] | None = None,
    db: str = "",
    project: str = "",
    new_name: str = "",
) -> Function[..., Any]:
    """A function from a document file, the store or a catalogue.

    Args:
        url: Path or URL of a `function.yaml` (or `.json`), `db://<project>/<name>[:tag][@hash]`,
            or `hub://[<hub>/]<name>[:tag]`, looked up in the setting `hub_url` or an installed hub.
        secrets: MLRun's; credentials for addresses come from the environment.
        db: The store to look in; by default the configured one.
        project: Its new project.
        new_name: Its new name.

    Raises:
        NotFoundError: if there is no such file or function.
        SpecError: if the document is malformed.
    """
    check_mapping("secrets", secrets, '{"TOKEN": "..."}')
    url = os.fspath(url) if isinstance(url, os.PathLike) else url
    if not isinstance(url, str) or not url.strip():
        raise InvalidArgumentError(
            f"import_function needs a path or URL, not {url!r}",
            fix='import_function("function.yaml") or import_function("db://project/name")',
        )
    if url.startswith("hub://"):
        url = hub_address(url)
    if url.startswith("db://"):
        uri = parse_function_uri(url, project or config.default_project)
        document = open_store(db).read_function(uri.project, uri.name, tag=uri.tag, hash=uri.hash)
        doc = FunctionDoc.from_dict(document, url)
    else:
        doc = read_document(url)
    if new_name:
        doc.metadata.name = normalize_name(new_name)
    doc.metadata.project = check_project(project or doc.metadata.project or config.default_project)
    return from_document(doc.to_dict(), url)


def function_to_module(
    code: str | os.PathLike[str] | Function[..., Any] = "",
    workdir: str | None = "",
    secrets: Mapping[str, str] | None = None,
    silent: bool = False,
) -> ModuleType | None:
    """The code of a function, file or document as an imported module.

    Args:
        code: A Function, or the path or URL of a `.py`, `.ipynb` or `.yaml` file.
        workdir: Folder of relative paths.
        secrets: MLRun's; credentials for addresses come from the environment.
        silent: Return None when there is nothing to load.

    Raises:
        NotFoundError: if there is nothing to load.
    """
    check_mapping("secrets", secrets, '{"TOKEN": "..."}')
    if isinstance(code, Function):
        return _module_of(code, silent)
    if not (code := check_path("code", code)):
        if silent:
            return None
        raise NotFoundError(
            "function_to_module needs a file or a function", fix='function_to_module("train.py")'
        )
    path = str(Path(workdir) / code) if workdir and "://" not in code else code
    if path.endswith((".yaml", ".yml", ".json")) or "://" in path:
        return _module_of(import_function(path), silent)
    return module_from_path(path)


def _module_of(function: Function[..., Any], silent: bool) -> ModuleType | None:
    document = function._doc()
    if silent and not (document.spec.build.functionSourceCode or document.spec.command):
        return None
    return load_module(document)
