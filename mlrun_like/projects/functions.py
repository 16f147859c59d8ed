"""The functions of a project: rows of its document, and the objects made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    NotFoundError,
    nearest,
)
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.function import Function
from mlrun_like.names import normalize_name
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.projects.making import ProjectMaking, row_name, split_tag
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.meant import meant_session

__all__ = ["ProjectFunctions", "find_function"]

_NO_IMAGE = ("", "local", "handler", "process", "pipeline")


class ProjectFunctions(ProjectMaking):
    """The part of a project that gives its functions."""

    def get_function(
        self,
        key: str,
        sync: bool = False,
        enrich: bool = False,
        ignore_cache: bool = False,
        copy_function: bool = True,
        tag: str = "",
    ) -> Any:
        """A function of the project, by its name.

        Args:
            key: `name` or `name:tag`.
            sync: Make it anew from its row.
            enrich: Give it what the project says of all functions, such as the default image.
            ignore_cache: Look in the store first.
            copy_function: With `enrich`: change a copy, not the object in the project.
            tag: Its tag.

        Raises:
            NotFoundError: if neither the project nor the store has it.
        """
        written, tag = split_tag(key, tag)
        name = normalize_name(written)
        label = f"{name}:{tag}" if tag else name
        function = None
        if not ignore_cache:
            row = next((r for r in reversed(self.spec.functions) if _is(r, name, tag)), None)
            if row is not None and (sync or label not in self._objects):
                self._objects[label] = self._make(name, row)
            function = self._objects.get(label)
        if function is None:
            function = self._stored(name, tag, written)  # old records have names as written
        if enrich and isinstance(function, Function):
            if copy_function:
                function = from_document(function.to_dict()) if not _live(function) else function
            self.enrich(function)
        return function

    def _stored(self, name: str, tag: str, written: str = "") -> Function[..., Any]:
        store = open_store()
        try:
            try:
                document = store.read_function(self.name, name, tag=tag)
            except NotFoundError:
                if written in ("", name):
                    raise
                document = store.read_function(self.name, written, tag=tag)
        except NotFoundError as exc:
            known = self.get_function_names()
            raise NotFoundError(
                f"Function {name + (':' + tag if tag else '')} not found in the project."
                f"{nearest(name, known)}",
                where=f"project {self.name!r}",
                fix=f"functions: {', '.join(known) or 'none'}; project.set_function(...) adds one",
            ) from exc
        return from_document(document)

    def enrich(self, function: Function[..., Any]) -> None:
        """Give a function what the project says of all of them, where it says nothing itself."""
        spec = function.spec
        function.metadata.project = function.metadata.project or self.name
        built = bool(spec.build.base_image or spec.build.image)
        if self.spec.default_image and not (spec.image or built) and function.kind not in _NO_IMAGE:
            spec.image = self.spec.default_image
        if self.spec.default_requirements:
            every = [*spec.build.requirements, *self.spec.default_requirements]
            spec.build.requirements = list(dict.fromkeys(every))

    def set_default_image(self, default_image: str) -> None:
        """Set the image of functions that name none, also of those that have the one before."""
        before = self.spec.default_image
        super().set_default_image(default_image)
        for function in self._objects.values() if before else ():
            if isinstance(function, Function) and function.spec.image == before:
                name, tag = function.metadata.name, function.metadata.tag
                rows = [
                    r for r in self.spec.functions if _is(r, name, "") and r.get("tag", tag) == tag
                ]
                if not any(r.get("image") or _spec_image(r) for r in rows):
                    function.spec.image = self.spec.default_image

    def get_function_names(self) -> list[str]:
        """Names of the functions that were set."""
        names = {row_name(row) for row in self.spec.functions} - {""}
        return sorted(names | {name for name in self._objects if ":" not in name})

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The rows of the document."""
        return self.spec.functions

    def get_function_objects(self) -> dict[str, Any]:
        """Function objects by name."""
        return self.sync_functions()

    def sync_functions(
        self,
        names: Sequence[str] | None = None,
        always: bool = True,
        save: bool = False,
        silent: bool = False,
    ) -> dict[str, Any]:
        """Make the function objects of the document's rows.

        Args:
            names: Only these.
            always: False: only those that are not there yet.
            save: Put them into the store.
            silent: Leave out those whose file is missing.

        Raises:
            MissingDependencyError: if a file is missing.
        """
        found = {}
        for name in names or self.get_function_names():
            live = _live(self._objects.get(normalize_name(name)))
            try:
                found[name] = self.get_function(name, sync=always and not live)
            except MissingFileError as exc:
                if silent:
                    continue
                raise MissingDependencyError(
                    f"function {name!r} cannot be made: {exc.what}",
                    where=exc.where,
                    fix=f"{exc.fix}; sync_functions(silent=True) leaves it out",
                ) from exc
            if save and isinstance(found[name], Function):
                found[name].save()
        return found

    def remove_function(self, name: str) -> None:
        """Forget a function; versions in the store stay.

        Raises:
            NotFoundError: if there is none of that name.
        """
        plain, tag = split_tag(name, "")
        plain = normalize_name(plain)
        known = self.get_function_names()
        if plain not in known:
            raise NotFoundError(
                f"Function {name} not found in the project.{nearest(plain, known)}",
                where=f"project {self.name!r}",
                fix=f"functions: {', '.join(known) or 'none'}",
            )
        self.spec.functions = [row for row in self.spec.functions if not _is(row, plain, tag)]
        for key in [k for k in self._objects if k.partition(":")[0] == plain]:
            if not tag or key == f"{plain}:{tag}":
                del self._objects[key]

    def _forget(self) -> None:
        self._objects.clear()


def find_function(function: Any, project: ProjectFunctions | None) -> Any:
    """The function that `run_function` and its like mean by a name or object.

    Raises:
        InvalidArgumentError: for a name outside of a project.
    """
    if not isinstance(function, str):
        if project is not None and isinstance(function, Function):
            if meant_session() is not None:  # users share the objects of the process
                function = function.copy()
            project.enrich(function)
        return function
    if function.startswith("hub://"):
        function = import_function(function, project=project.name if project else "")
        if project is not None:
            project.enrich(function)
        return function
    if function.startswith("db://"):
        return import_function(function)
    if project is None:
        raise InvalidArgumentError(
            f"function {function!r} can only be named in a project, and there is none",
            fix='get_or_create_project("my-project"), or pass the function object',
        )
    return project.get_function(function, enrich=True, copy_function=False)


def _live(function: Any) -> bool:
    """Whether a function is an object of this process that no row can make again."""
    return isinstance(function, Pipeline) or getattr(function, "_handler", None) is not None


def _spec_image(row: Mapping[str, Any]) -> Any:
    document = row.get("spec")
    spec = document.get("spec") if isinstance(document, Mapping) else None
    return spec.get("image") if isinstance(spec, Mapping) else None


def _is(row: Mapping[str, Any], name: str, tag: str) -> bool:
    mine = row_name(row)
    return bool(mine) and normalize_name(mine) == name and (not tag or row.get("tag") == tag)
