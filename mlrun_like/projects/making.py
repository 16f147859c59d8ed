"""How functions come into a project: from files, documents, catalogues, the store, objects."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MissingFileError,
    SpecError,
    nearest,
)
from mlrun_like.functions.creators import code_to_function, import_function, new_function
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.files import calling_file
from mlrun_like.functions.function import Function
from mlrun_like.names import normalize_name
from mlrun_like.packaging.fetching import is_address
from mlrun_like.packaging.running import RUNNING
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.projects.saving import ProjectSaving

__all__ = ["ProjectMaking", "row_name", "split_tag"]

_CODE = (".py", ".ipynb")
_WITHOUT_CODE = ("serving", "nuclio", "remote", "application")


class ProjectMaking(ProjectSaving):
    """The part of a project that functions are added to."""

    def set_function(  # noqa: PLR0913 - MLRun's signature
        self,
        func: Any = None,
        name: str = "",
        kind: str = "job",
        image: str | None = None,
        handler: str | None = None,
        with_repo: bool | None = None,
        tag: str | None = None,
        requirements: Sequence[str] | str | None = None,
        requirements_file: str = "",
    ) -> Any:
        """Add a function, or replace the one of this name.

        Args:
            func: A `.py`, `.ipynb` or `.yaml` file, relative to the project's folder, `db://...`,
                `hub://...`, a function object, or None: the notebook or script this is called
                from, and with `handler="module.name"` code that lies in the image or repository.
                Empty: no code, for kinds that can do without (`serving`, `nuclio`, ...).
            name: Its name, `name:tag` too; by default the file's or object's.
            kind: Where it runs, for files.
            image: Its image; by default the project's.
            handler: The entry point called by default.
            with_repo: Take the code from the project's source instead of embedding the file.
            tag: Its tag.
            requirements: Package specifiers.
            requirements_file: A file with one specifier a line.

        Returns:
            The function object.

        Raises:
            InvalidArgumentError: if name and tag contradict each other, or a value cannot be used.
            MissingFileError: if there is no such file.
        """
        only_tagged = ":" in name
        name, tag = split_tag(name, tag or "")
        row: dict[str, Any] = {
            "kind": kind,
            "image": image or "",
            "handler": handler or "",
            "with_repo": bool(with_repo),
            "tag": tag,
            "requirements": list(requirements)
            if isinstance(requirements, (list, tuple))
            else requirements or "",
            "requirements_file": requirements_file,
        }
        if isinstance(func, os.PathLike):
            func = os.fspath(func)
        if func is not None and not isinstance(func, str):
            function = self._own(func, name, row)
            row = {"spec": function.to_dict()} if isinstance(function, Function) else {}
        else:
            if func is None and not row["handler"] and kind != "application":  # runs no handler
                func = _calling_file(kind)
            if func == RUNNING:  # there is no file that the project could name
                return self.set_function(
                    code_to_function(name, self.name, kind=kind), name, kind, image, handler,
                    with_repo, tag, requirements, requirements_file,
                )  # fmt: skip
            row["url"] = func or ""
            if not func and not name:
                name = row["handler"].rpartition(".")[0].rpartition(".")[2]
            function = self._make(name, row)
        name = name or function.name
        if isinstance(function, Function):
            function.metadata.tag = tag or function.metadata.tag or "latest"
            row = {"spec": function.to_dict()} if "spec" in row else row
        self._put(normalize_name(name), tag, function, row, only_tagged)
        return function

    def _own(self, func: Any, name: str, row: Mapping[str, Any]) -> Any:
        """A function object that belongs to the project now."""
        if isinstance(func, Pipeline):
            return func
        if not isinstance(func, Function):
            raise InvalidArgumentError(
                f"{func!r} is not a function of a project",
                where=f"project {self.name!r}",
                fix='give a file, a function object, "db://..." or "hub://..."; put @function '
                "above a plain Python function",
            )
        if name:
            func.metadata.name = normalize_name(name)
        func.metadata.project = self.name
        _apply(func, row)
        return func

    def _put(
        self, name: str, tag: str, function: Any, row: Mapping[str, Any], only_tagged: bool
    ) -> None:
        if not only_tagged:
            self._objects[name] = function
        if tag:
            self._objects[f"{name}:{tag}"] = function
        if not row:
            return
        kept = {k: v for k, v in row.items() if v not in ("", None, False, [])}
        rows = [
            each
            for each in self.spec.functions
            if (each.get("name"), each.get("tag") or "") != (name, tag)
        ]
        self.spec.functions = [*rows, {"name": name, **kept, **({"tag": tag} if tag else {})}]

    def _make(self, name: str, row: Mapping[str, Any]) -> Function[..., Any]:
        """The object of a row."""
        if row.get("spec"):
            if not isinstance(row["spec"], Mapping):
                raise SpecError(
                    f"the spec of function {name!r} is no mapping", where=f"project {self.name!r}"
                )
            function = from_document(row["spec"], f"project {self.name!r}")
        else:
            function = self._from_url(str(row.get("url") or ""), name, row)
        if name:
            function.metadata.name = normalize_name(name)
        function.metadata.project = self.name
        function.metadata.tag = row.get("tag") or function.metadata.tag or "latest"
        return function

    def _from_url(self, url: str, name: str, row: Mapping[str, Any]) -> Function[..., Any]:
        handler, image = str(row.get("handler") or ""), str(row.get("image") or "")
        kind = str(row.get("kind") or "")
        if not url and not handler and kind in _WITHOUT_CODE:
            bare = new_function(name, self.name, kind=kind, image=image)
            _require(bare, row)
            return bare
        if not url:
            return self._in_image(name, kind, image, handler)
        if url.startswith(("db://", "hub://")) or url.endswith((".yaml", ".yml", ".json")):
            place = url if "://" in url else str(self._file(url))
            function = import_function(place, project=self.name, new_name=name)
            _apply(function, row)
            return function
        if not url.endswith(_CODE):
            raise InvalidArgumentError(
                f"{url!r} is not something a function can be made of",
                where=f"project {self.name!r}",
                fix='give a .py, .ipynb or .yaml file, "db://<project>/<name>" or "hub://<name>"',
            )
        from_repo = bool(row.get("with_repo")) and url.endswith(".py")
        self._check_image(from_repo, kind, image, name or url)
        path = self._file(url)
        function = code_to_function(
            name=name,
            project=self.name,
            filename=path,
            handler=handler,
            kind=kind or "job",
            image=image or None,
            embed_code=not from_repo,
        )
        _require(function, row)
        if from_repo and is_address(self.spec.source):
            # the code is where the source will have been fetched, not where it lies here
            function.spec.command = str(Path(self.spec.subpath, url)) if url else ""
            self._from_source(function)
        return function

    def _in_image(self, name: str, kind: str, image: str, handler: str) -> Function[..., Any]:
        if "." not in handler:
            raise InvalidArgumentError(
                f"handler {handler!r} without a file must name its module",
                where=f"project {self.name!r}",
                fix='project.set_function(name="train", handler="package.module.train")',
            )
        function = new_function(name, self.name, kind=kind, image=image, handler=handler)
        if self.spec.source:
            self._from_source(function)
        return function

    def _check_image(self, from_repo: bool, kind: str, image: str, name: str) -> None:
        """Code of a repository is put into an image, unless it is fetched when a run starts."""
        fetched = self.spec.load_source_on_run or not is_address(self.spec.source)
        known = image or self.default_image or kind in ("local", "process", "handler")
        if from_repo and not fetched and not known:
            raise InvalidArgumentError(
                f"an image must be provided for function {name!r}, whose code is in the repository",
                where=f"project {self.name!r}",
                fix="set_function(..., image=...), project.set_default_image(...), or "
                "project.set_source(..., pull_at_runtime=True)",
            )

    def _from_source(self, function: Function[..., Any]) -> None:
        pull = self.spec.load_source_on_run
        function.with_source_archive(
            self.spec.source,
            workdir=self.spec.workdir or None,
            pull_at_runtime=True if pull is None else pull,
        )

    def _file(self, url: str) -> Path:
        """A file of the project: relative to its folder, or absolute."""
        path = Path(self.get_item_absolute_path(url)[0]) if "://" not in url else Path(url)
        if "://" not in url and not path.is_file():
            folder = path.parent
            near = nearest(path.name, os.listdir(folder)) if folder.is_dir() else ""
            raise MissingFileError(
                f"there is no file {url!r}.{near}",
                where=f"project {self.name!r}, folder {str(self.code_folder().absolute())!r}",
                fix="paths of functions are relative to the project's folder",
            )
        return path


def _apply(function: Function[..., Any], row: Mapping[str, Any]) -> None:
    """What a row says besides where the function comes from."""
    spec = function.spec
    if row.get("image"):
        spec.image = row["image"]
    if row.get("handler"):
        spec.default_handler = row["handler"]
    _require(function, row)


def _require(function: Function[..., Any], row: Mapping[str, Any]) -> None:
    if row.get("requirements") or row.get("requirements_file"):
        function.with_requirements(
            row.get("requirements") or None,
            overwrite=True,
            requirements_file=str(row.get("requirements_file") or ""),
        )


def _calling_file(kind: str) -> str:
    """What it is called from; nothing, if that has no file and the kind needs no code."""
    try:
        return calling_file()
    except FunctionError:
        if kind in _WITHOUT_CODE:
            return ""
        raise


def row_name(row: Mapping[str, Any]) -> str:
    """The name of a row of the document; a row without one is called after its file.

    >>> row_name({"url": "src/train.py"})
    'train'
    """
    return str(row.get("name") or Path(str(row.get("url") or "")).stem)


def split_tag(name: str, tag: str) -> tuple[str, str]:
    """A name and its tag; `name:tag` gives both.

    Raises:
        InvalidArgumentError: if two tags are given.
    """
    plain, mark, own = name.partition(":")
    if ":" in own:
        raise InvalidArgumentError(
            f"Function name ({name}) must be in the format <name>:<tag> or <name>",
            fix='write "<name>:<tag>", or "<name>"',
        )
    if mark and tag and own != tag:
        raise InvalidArgumentError(
            f"Tag parameter ({tag}) and tag in function name ({name}) must match",
            fix=f'name="{plain}"',
        )
    return plain, own or tag
