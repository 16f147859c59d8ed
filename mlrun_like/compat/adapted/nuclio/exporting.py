"""`nuclio.export`: a notebook as Nuclio's configuration, with the code in it.

`jupyter nbconvert --to nuclio.export.NuclioExporter` works, because nbconvert only calls an
exporter's methods; without nbconvert the class works by itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.compat.adapted.nuclio.documents import MetaKeys, get_in, new_config, set_env
from mlrun_like.compat.adapted.nuclio.lines import EnvKeys, iter_env_lines, normalize_name
from mlrun_like.configuration import environment
from mlrun_like.errors import NotebookError
from mlrun_like.packaging.magics import MagicConfig, parse_magic
from mlrun_like.packaging.notebook import to_source

__all__ = [
    "MagicError",
    "NuclioExporter",
    "annotation_prefix",
    "cell_magic",
    "convert",
    "default_ignored_tags",
    "exporter_name",
    "gen_config",
    "handler_code",
    "handler_decl",
    "handler_name",
    "handlers",
    "header",
    "indent_prefix",
    "line_magic",
    "module_name",
    "parse_magic_line",
    "tags_to_ignore",
]

MagicError = NotebookError
annotation_prefix = r"[ \t]*#[ \t]*(nuclio|mlrun):[ \t]*"
default_ignored_tags = "mlrun-ignore;nuclio-ignore"
handler_decl = "def {}(context, event):"
indent_prefix = "    "
line_magic = "%nuclio"
cell_magic = "%%nuclio"
handlers: list[str] = []
"""Names of the handlers that were exported."""


class NuclioExporter:
    """Makes a `function.yaml` of a notebook.

    Args:
        config: nbconvert's; not used.
        more: nbconvert's; not used.

    >>> cells = [{"cell_type": "code", "source": "%nuclio env A=1"}]
    >>> text, _ = NuclioExporter().from_notebook_node({"cells": cells})
    >>> yaml.safe_load(text)["spec"]["env"]
    [{'name': 'A', 'value': '1'}]
    """

    export_from_notebook = "Nuclio"
    file_extension = ".yaml"
    output_mimetype = "application/yaml"

    def __init__(self, config: Any = None, **more: Any) -> None:
        del config, more

    def from_notebook_node(
        self, nb: Mapping[str, Any], resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        """The configuration of a notebook that was read.

        Args:
            nb: The notebook.
            resources: What nbconvert knows of it: `metadata.name` and `metadata.path`.
            kw: nbconvert's; not used.

        Returns:
            The configuration as YAML, and the resources.

        Raises:
            NotebookError: naming the cell, if it cannot become code.
        """
        del kw
        return self._export(nb, {} if resources is None else resources)

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """The configuration of a notebook's file; see `from_notebook_node`."""
        file = Path(filename)
        resources = {} if resources is None else resources
        known = resources.setdefault("metadata", {})
        for name, value in (("name", file.stem), ("path", str(file.parent))):
            if not known.get(name):
                known[name] = value
        del kw
        return self._export(file, resources)

    def from_file(self, file_stream: Any, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """The configuration of an open notebook; see `from_notebook_node`.

        Raises:
            NotebookError: if it is no notebook.
        """
        try:
            found = json.loads(file_stream.read())
        except (ValueError, RecursionError) as exc:
            raise NotebookError(f"the file is not a notebook: {str(exc)[:200]}") from exc
        return self.from_notebook_node(found, resources, **kw)

    def _export(self, nb: Mapping[str, Any] | Path, resources: Any) -> tuple[str, Any]:
        folder = Path(get_in(resources, "metadata.path") or "")
        config, code = convert(
            nb,
            get_in(resources, "metadata.name") or "",
            folder,
            environment(EnvKeys.function_name) or "",
            environment(EnvKeys.ignored_tags) or "",
        )
        target = environment(EnvKeys.code_target_path)
        extra = get_in(config, ["metadata", "annotations", MetaKeys.extra_files])
        if target:
            Path(target).write_text(code, "utf-8")
        elif extra and environment(EnvKeys.drop_nb_outputs) is None:
            found = {file: (folder / file).read_text("utf-8") for file in extra.split(",")}
            made = {"handler.py": code, "function.yaml": gen_config(config)}
            resources["outputs"] = {**found, **made}
        else:
            encoded = base64.b64encode(code.encode()).decode()
            config["spec"]["build"]["functionSourceCode"] = encoded
        resources["output_extension"] = self.file_extension
        return gen_config(config), resources


def convert(
    notebook: Mapping[str, Any] | Path,
    title: str = "",
    folder: Path | None = None,
    name: str = "",
    ignored_tags: str = "",
) -> tuple[dict[str, Any], str]:
    """The configuration of a notebook, without code, and the code.

    Args:
        notebook: The notebook or its file.
        title: What the function is called; empty: `notebook`.
        folder: Where relative file names of magics start; by default the notebook's folder.
        name: Selects named sections.
        ignored_tags: More tags of cells to leave out, separated by `;`.

    Raises:
        NotebookError: naming the cell, if it cannot become code.
    """
    code, said = to_source(notebook, name, ignored_tags=ignored_tags, folder=folder)
    config = new_config()
    if title:
        config["metadata"]["name"] = normalize_name(title)
    _merge(config, said)
    config["spec"]["handler"] = _handler(get_in(said, "spec.handler"))
    for file in json.loads(environment(EnvKeys.env_files) or "[]"):
        set_env(config, iter_env_lines(Path(file).read_text("utf-8").splitlines()))
    path = environment(EnvKeys.handler_path)
    return config, Path(path).read_text("utf-8") if path else code


def tags_to_ignore() -> list[str]:
    """Tags of cells that are left out."""
    more = (environment(EnvKeys.ignored_tags) or "").split(";")
    return [tag for tag in (*more, *default_ignored_tags.split(";")) if tag]


def header() -> str:
    """The first line of what is exported."""
    return f"# Generated by {exporter_name()}\n"


def exporter_name() -> str:
    """The exporter, as nbconvert is told it."""
    return "nuclio.export.NuclioExporter"


def gen_config(config: Mapping[str, Any]) -> str:
    """A configuration as text."""
    return header() + yaml.safe_dump(dict(config), default_flow_style=False)


def parse_magic_line(line: str) -> tuple[str, str] | None:
    """Command and arguments of a `%nuclio` line; None for any other line.

    Raises:
        NotebookError: if it has no command.

    >>> parse_magic_line("%nuclio cmd pip install x")
    ('cmd', 'pip install x')
    """
    found = parse_magic(line)
    if found is not None and not found[0]:
        raise MagicError(f"{line.strip()!r} has no command", fix="%nuclio help")
    return found


def handler_code(name: str, code: str) -> str:
    """Code as a handler that returns its last expression."""
    return "\n".join(MagicConfig().apply("handler", name, code.splitlines(), "%nuclio handler"))


def module_name(py_file: str) -> str:
    """The module of a file.

    >>> module_name("/path/to/handler.py")
    'handler'
    """
    return Path(py_file).stem


def handler_name() -> str:
    """What answers, as the environment says: `module:handler`."""
    path = environment(EnvKeys.handler_path)
    name = environment(EnvKeys.handler_name) or "handler"
    return f"{module_name(path) if path else 'handler'}:{name}"


def _handler(said: str | None) -> str:
    """What answers: the environment's word, then the notebook's."""
    module, _, name = handler_name().partition(":")
    if said:
        name = said.rpartition(":")[2]
        handlers.append(name)
    return f"{module}:{environment(EnvKeys.handler_name) or name}"


def _merge(config: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        inner = config.get(name)
        if isinstance(inner, dict) and isinstance(value, Mapping):
            _merge(inner, value)
        else:
            config[name] = value
