"""Modules and steps of catalogues as objects of this program.

drift = import_module("hub://histogram_data_drift")
graph.to("hub://verify_schema", schema={"id": "int"})
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mlrun_like.errors import BuildError, MissingFileError, NotFoundError, SpecError, nearest
from mlrun_like.functions.hub import parse_address
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.making import code_file
from mlrun_like.marketplace.pins import pin_of
from mlrun_like.marketplace.resolving import find_item, function_file, read_asset
from mlrun_like.packaging.document import parse_text
from mlrun_like.packaging.loader import load_module, module_from_path
from mlrun_like.packaging.unpack import files_of
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.connect import open_store

__all__ = [
    "HubModule",
    "HubStep",
    "get_hub_asset",
    "get_hub_item",
    "get_hub_module",
    "get_hub_step",
    "import_module",
    "import_step",
]


class HubModule:
    """A module of a catalogue.

    Args:
        item: What the catalogue says of it.
        url: The address that it was asked for by.
        local_path: The folder to which its files were copied; empty: they were not.
    """

    def __init__(self, item: HubItem, url: str, local_path: str = "") -> None:
        self.item, self.url, self.local_path = item, url, local_path
        self.name, self.version, self.kind = item.name, item.version, item.kind
        self.description, self.categories = item.description, list(item.categories)
        self.requirements = list(item.requirements)
        self.filename, self.example = code_file(item), str(item.foreign.get("example") or "")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url} {self.version}>"

    def module(self) -> ModuleType:
        """Its code as a module: the copied file if there is one, else straight from the catalogue.

        Raises:
            MissingFileError: if the copied file is gone.
        """
        if not self.local_path:
            return _loaded(self.url)
        path = self.get_src_file_path()
        if not Path(path).is_file():
            raise MissingFileError(
                f"{self.filename!r} is not in {self.local_path!r}",
                where=self.url,
                fix="download_files() copies it there",
            )
        return module_from_path(path)

    def install_requirements(self) -> None:
        """Install what it needs into this environment.

        Raises:
            BuildError: if pip cannot.
        """
        if not self.requirements:
            return
        command = [sys.executable, "-m", "pip", "install", "--", *self.requirements]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(
                f"pip could not install what {self.url} needs: {done.stderr.strip()[-500:]}",
                where=", ".join(self.requirements),
            )

    def download_files(self, local_path: str | None = None, download_example: bool = True) -> None:
        """Copy its code and, if it has one, its example.

        Args:
            local_path: An existing folder; by default the working one.
            download_example: Whether the example comes too.

        Raises:
            MissingFileError: if there is no such folder.
            IntegrityError: if it is not what `hub.lock` pins.
        """
        folder = Path(local_path or Path.cwd())
        if not folder.is_dir():
            raise MissingFileError(f"there is no folder {str(folder)!r}", where="local_path")
        store = open_store()
        path = folder / self.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._code(store))
        if download_example and self.example:
            target = folder / Path(self.example).name
            target.write_bytes(read_asset(store, self.item, self.example).data)
        self.local_path = str(folder)

    download_module_files = download_files

    def _code(self, store: Any) -> bytes:
        source, name, tag = parse_address(self.url)
        if pin_of(name, tag, source) is None:
            return read_asset(store, self.item, self.filename).data
        # a pin is of the document, which holds the code; the file beside it may be another
        files, main = files_of(_document(self.url))
        return files[main].encode()

    def set_local_path(self, path: str | Path) -> None:
        """Say where its files are, instead of `download_files`.

        Raises:
            MissingFileError: if there is no such folder.
        """
        if not Path(path).is_dir():
            raise MissingFileError(f"there is no folder {str(path)!r}", where="path")
        self.local_path = str(path)

    def get_src_file_path(self) -> str:
        """The copied code file.

        Raises:
            MissingFileError: if nothing was copied.
        """
        if not self.local_path:
            raise MissingFileError(
                f"the files of {self.url} were not copied", fix="call download_files() first"
            )
        return str(Path(self.local_path) / self.filename)

    get_module_file_path = get_src_file_path


class HubStep(HubModule):
    """A step of a catalogue: `class_name` names its class, `default_handler` the method to call."""

    def __init__(self, item: HubItem, url: str, local_path: str = "") -> None:
        super().__init__(item, url, local_path)
        self.class_name, self.default_handler = item.class_name, item.handler


def import_module(
    url: str = "",
    install_requirements: bool = False,
    secrets: Mapping[str, str] | None = None,
    local_path: str | None = None,
) -> ModuleType:
    """The code of an item as a module.

    Args:
        url: `hub://[<source>/]<name>[:<version>]`.
        install_requirements: Install what it needs first, by pip.
        secrets: MLRun's: the token of a source is `HUB_TOKEN_<SOURCE>`.
        local_path: Copy the code and its example to this folder first.

    Raises:
        NotFoundError: if no catalogue has it.
    """
    found = get_hub_module(url, local_path is not None, secrets, local_path)
    if install_requirements:
        found.install_requirements()
    return found.module()


def import_step(url: str) -> Any:
    """The class (or function) of a step, as `graph.to("hub://...")` uses it.

    Args:
        url: `hub://[<source>/]<name>[:<version>]`.

    Raises:
        NotFoundError: if no catalogue has it, or its code has no such class.
        SpecError: if it says of no class that it is the step.
    """
    step = get_hub_step(url, download_files=False)
    name = step.class_name or step.default_handler
    if not name:
        raise SpecError(
            f"{url} does not say which class is the step",
            where="className in its item.yaml",
            fix=f"use import_module({url!r}) and pass the class",
        )
    module = step.module()
    found = getattr(module, name, None)
    if found is None:
        raise NotFoundError(
            f"the code of {url} has no {name!r}.{nearest(name, dir(module))}", where=step.filename
        )
    return found


def get_hub_module(
    url: str = "",
    download_files: bool | None = True,
    secrets: Mapping[str, str] | None = None,
    local_path: str | None = None,
) -> HubModule:
    """A module with what the catalogue says of it; MLRun's signature.

    Args:
        url: `hub://[<source>/]<name>[:<version>]`.
        download_files: Copy its code and example.
        secrets: MLRun's; see `import_module`.
        local_path: To this folder; by default the working one.
    """
    del secrets
    made = HubModule(_item(url, "modules"), url)
    if download_files:
        made.download_files(local_path)
    return made


def get_hub_step(
    url: str,
    local_path: str | None = None,
    download_files: bool = True,
    include_example: bool = False,
) -> HubStep:
    """A step with what the catalogue says of it; MLRun's signature.

    Args:
        url: `hub://[<source>/]<name>[:<version>]`.
        local_path: Copy its code to this folder; by default the working one.
        download_files: False: copy nothing.
        include_example: Copy its example too.
    """
    made = HubStep(_item(url, "steps"), url)
    if download_files:
        made.download_files(local_path, include_example)
    return made


def get_hub_item(url: str) -> HubItem:
    """What a catalogue says of an item.

    Args:
        url: `hub://[<source>/]<name>[:<version>]`.

    Raises:
        NotFoundError: if no catalogue has it.
    """
    return _item(url, "")


def get_hub_asset(url: str, path: str) -> bytes:
    """A file of an item.

    Args:
        url: `hub://[<source>/]<name>[:<version>]`.
        path: `README.md` and the like, or what the catalogue calls it: `source`, `example`, `docs`.

    Raises:
        NotFoundError: if there is none.
        IntegrityError: if it is not what the catalogue promises.
    """
    return read_asset(open_store(), _item(url, ""), path).data


def _item(url: str, kind: str) -> HubItem:
    source, name, tag = parse_address(url)
    store = open_store()
    try:
        return find_item(store, source, name, tag, kind=kind)
    except NotFoundError:
        return find_item(store, source, name, tag)  # people call a function's code a module too


def _loaded(url: str) -> ModuleType:
    return load_module(_document(url))


def _document(url: str) -> FunctionDoc:
    source, name, tag = parse_address(url)
    file = function_file(open_store(), name, tag, source)
    return FunctionDoc.from_dict(parse_text(file.text(url), url), url)
