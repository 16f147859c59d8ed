"""A project as a file and in the store, and the hook that completes it."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import ConflictError, InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.names import check_project
from mlrun_like.packaging.old_names import answer_old_names
from mlrun_like.projects.base import ProjectBase
from mlrun_like.projects.documents import read_project_file, write_file, yaml_of
from mlrun_like.projects.secrets import masked
from mlrun_like.registry import resolve
from mlrun_like.runs.secrets import public_sources, resolve_sources
from mlrun_like.specs.platform_key import without_platform_key
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.meant import meant_session

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FILE", "ProjectSaving"]

_LOG = logging.getLogger("mlrun_like.projects")
FILE = "project.yaml"
_SETUP = "project_setup.py"


class ProjectSaving(ProjectBase):
    """The part of a project that is written and read."""

    def to_dict(self) -> dict[str, Any]:
        """The document as plain data, values of secrets hidden."""
        document = self._document.to_dict()
        if self.spec.secret_sources:
            document["spec"]["secret_sources"] = public_sources(self.spec.secret_sources)
        folder = self.code_folder().absolute()
        for row in document.get("spec", {}).get("artifacts", ()):  # the folder may go elsewhere
            path = Path(str(row.get("import_from") or ""))
            if path.is_absolute() and path.is_relative_to(folder):
                row["import_from"] = path.relative_to(folder).as_posix()
        for row in document.get("spec", {}).get("functions", ()):
            if isinstance(row.get("spec"), dict):
                row["spec"] = without_platform_key(row["spec"])
        hidden: dict[str, Any] = masked(document, self._known_secrets())
        return hidden

    def _known_secrets(self) -> Mapping[str, str]:
        """Those that can be had now: a provider that is away must not stop a file from being
        written."""
        try:
            return self.secrets()
        except MLRunLikeError:
            return resolve_sources(self._inline)

    def to_yaml(self) -> str:
        """`project.yaml` as text."""
        return yaml_of(self.to_dict())

    def export(self, filepath: str | Path | None = None, include_files: str | None = None) -> str:
        """Write `project.yaml`, or a `.zip` with the project's folder.

        Args:
            filepath: The file or URL; by default `project.yaml` in the project's folder.
            include_files: For a zip: only files that match this pattern, such as `**/*.py`.

        Returns:
            The path.
        """
        target = str(filepath or self.code_folder() / FILE)
        if target.lower().endswith(".zip"):
            write_file(str(self.code_folder() / FILE), self.to_yaml())
            pack = resolve("mlrun_like.projects.archive:pack_folder")
            pack(self, target, include_files)
        else:
            write_file(target, self.to_yaml())
        return target

    def save(self, filepath: str | Path | None = None, store: bool = True) -> Self:
        """Write `project.yaml` and put the project into the store.

        Inside of a client's session the store alone has it: users of one process share its folders.

        Args:
            filepath: Another file than the one in the project's folder.
            store: False: refuse to replace another project of this name in the store.
        """
        if meant_session() is None:
            self.export(filepath)
        self.save_to_db(store)
        return self

    def save_to_db(self, store: bool = True) -> None:
        """Put the project into the store.

        Args:
            store: False: it must not be there yet.

        Raises:
            ConflictError: if it is there and may not be replaced.
        """
        check_project(self.name)
        database = open_store()
        if not store and database.list_projects(self.name):
            raise ConflictError(
                f"a project {self.name!r} exists already",
                where=repr(database),
                fix="overwrite=True deletes it first; load_project or get_or_create_project takes "
                "it as it is",
            )
        now = datetime.now(timezone.utc).isoformat()
        self.metadata.created = self.metadata.created or now
        self.status.setdefault("state", "online")
        database.store_project({**self.to_dict(), "context": str(Path(self.context).absolute())})

    def reload(self, sync: bool = False, context: str | Path | None = None) -> Self:
        """Read `project.yaml` of the folder anew and run `project_setup.py`.

        Args:
            sync: Make the function objects at once.
            context: Another folder.

        Raises:
            NotFoundError: if there is no `project.yaml`.
        """
        if context:
            self.spec.context = str(context)
        folder, found = self.spec.context, None
        for name in (FILE, "project.yml"):
            path = self.code_folder() / name
            if path.is_file():
                found = read_project_file(path)
                break
        if found is None:
            raise NotFoundError(
                f"there is no {FILE}", where=str(self.code_folder()), fix="project.save()"
            )
        found.metadata.name = found.metadata.name or self.name
        found.spec.subpath = found.spec.subpath or self.spec.subpath
        self._document = found
        self.spec.context = folder
        self._forget()
        project = self.setup(save=False)
        if sync:
            project.sync_functions()
        return project

    def _forget(self) -> None:
        """Drop objects made of the document."""

    def sync_functions(
        self,
        names: Any = None,
        always: bool = True,
        save: bool = False,
        silent: bool = False,
    ) -> dict[str, Any]:
        """Make the function objects of the document's rows."""
        raise NotImplementedError

    def setup(self, save: bool = True) -> Self:
        """Run the hook `project_setup.py`: `def setup(project): ...; return project`.

        Args:
            save: Save what the hook gave.

        Raises:
            InvalidArgumentError: if the hook gives something else than a project.
        """
        path = self.code_folder() / _SETUP
        return self.run_setup(path, save) if path.is_file() else self

    def run_setup(self, path: Path, save: bool = True) -> Self:
        """Run the hook in a file; see `setup`."""
        spec = importlib.util.spec_from_file_location("project_setup", path.absolute())
        if spec is None or spec.loader is None:
            raise InvalidArgumentError("the file cannot be imported", where=str(path))
        module = importlib.util.module_from_spec(spec)
        folder = str(path.parent.absolute())
        sys.path.insert(0, folder)  # the hook may import its neighbours
        try:
            answer_old_names()
            spec.loader.exec_module(module)
            hook = getattr(module, "setup", None)
            if hook is None:
                _LOG.warning("%s has no function setup(project); it was only imported", path)
                return self
            project = hook(self)
        finally:
            if folder in sys.path:
                sys.path.remove(folder)
        if not isinstance(project, type(self)):
            raise InvalidArgumentError(
                f"setup() must return a project object, not {type(project).__name__}",
                where=str(path),
                fix="end it with `return project`",
            )
        if save:
            project.save()
        return project
