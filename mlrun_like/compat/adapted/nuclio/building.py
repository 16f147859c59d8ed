"""`nuclio.build`: a notebook or a file of code as Nuclio's configuration."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.compat.adapted.nuclio.archives import (
    build_zip,
    get_archive_config,
    put_data,
    upload_file,
    url2repo,
)
from mlrun_like.compat.adapted.nuclio.documents import (
    MetaKeys,
    code2config,
    extend_config,
    get_in,
    get_lang_ext,
    load_config_data,
    set_handler,
    update_in,
)
from mlrun_like.compat.adapted.nuclio.exporting import convert
from mlrun_like.compat.adapted.nuclio.lines import (
    EnvKeys,
    logger,
    normalize_name,
    notebook_file_name,
)
from mlrun_like.configuration import environment
from mlrun_like.errors import BuildError, InvalidArgumentError
from mlrun_like.packaging.running import RUNNING, capture_code

__all__ = ["add_kind_footer", "archive_path", "build_file", "build_notebook"]

_SOURCES = (".py", ".go", ".js", ".java", ".sh")


def build_file(  # noqa: PLR0913 - nuclio-jupyter's signature
    filename: str = "",
    name: str = "",
    handler: str = "",
    archive: bool = False,
    project: str = "",
    tag: str = "",
    spec: Any = None,
    files: Sequence[str] = (),
    output_dir: str = "",
    verbose: bool = False,
    kind: str | None = None,
    ignored_tags: str = "",
) -> tuple[str, dict[str, Any], str]:
    """A notebook, a file of code or a `function.yaml` as Nuclio's configuration and code.

    Args:
        filename: Its path or URL; by default the notebook that runs.
        name: The function's name; by default the file's.
        handler: The function in it that answers.
        archive: Write an archive, `<output_dir>/<project>/<name>[_<tag>].zip`.
        project: Its project, for archives.
        tag: Its tag.
        spec: A `ConfigSpec` that is added.
        files: Further files of the archive.
        output_dir: Where `function.yaml` and the code, or the archive, are written.
        verbose: Tell the code and the configuration.
        kind: `mlrun`, `serving_v2`: requests are answered by runs or a graph.
        ignored_tags: More tags of cells to leave out, separated by `;`.

    Returns:
        The name, the configuration and the code.

    Raises:
        BuildError: if no file is named or it is of no known kind.
        NotebookError: if the notebook cannot become code.
    """
    filename = str(filename or notebook_file_name() or "")
    if not filename:
        raise InvalidArgumentError(
            "please specify file name/path/url", fix='build_file("handler.py")'
        )
    base, ext = Path(filename).stem, Path(filename).suffix
    extra = list(files)
    if ext == ".ipynb":
        base = "notebook" if filename == RUNNING else base
        config, code = build_notebook(filename, bool(extra), tag, name, ignored_tags)
        ext = ".py"
        notes = config["metadata"]["annotations"]
        extra += filter(None, notes.pop(MetaKeys.extra_files, "").split(","))
        handler = handler or str(get_in(config, "spec.handler")).partition(":")[2]
    elif ext in _SOURCES:
        config, code = code2config(url2repo(filename).get(), ext)
    elif ext in (".yaml", ".yml"):
        found, config = load_config_data(url2repo(filename).get())
        ext, code = get_lang_ext(config), found or ""
        config.setdefault("metadata", {})
        config["spec"].setdefault("build", {})
    else:
        raise BuildError(
            f"illegal filename or extension: {filename}",
            fix=f"a file that ends in .ipynb, .yaml, {', '.join(_SOURCES)}",
        )
    if kind:
        code = add_kind_footer(kind, config, code)
        handler = ""
    name = normalize_name(name or base)
    config["metadata"]["name"] = name
    extend_config(config, spec, tag, filename)
    packed = bool(archive or extra)
    # embedded code gets a module name that no installed package has
    module = base if packed or output_dir else f"{normalize_name(base)}-nuclio"
    set_handler(config, module, handler, ext)
    if verbose:
        logger.info("Code:\n%s", code)
        logger.info("Config:\n%s", _yaml(config))
    if packed:
        config = _pack(config, (code, base, ext, extra), output_dir, project, name, tag)
        extend_config(config, None, tag, filename)
    elif output_dir:
        _write(config, output_dir, f"{base}{ext}", code, filename)
    return name, config, code


def build_notebook(
    nb_file: str, no_embed: bool = False, tag: str = "", name: str = "", ignored_tags: str = ""
) -> tuple[dict[str, Any], str]:
    """The configuration and the code of a notebook.

    Args:
        nb_file: Its path or URL.
        no_embed: Leave the code out of the configuration.
        tag: Not used.
        name: The function's name, which selects named sections.
        ignored_tags: More tags of cells to leave out, separated by `;`.

    Raises:
        NotebookError: naming the cell, if it cannot become code.
    """
    del tag
    if nb_file == RUNNING:
        captured, said = capture_code(nb_file, name)
        config, code = code2config(captured.code)
        for part in ("metadata", "spec"):
            for key, value in said.get(part, {}).items():
                update_in(config, [part, key], value)
        return config, code
    tags = ignored_tags or environment(EnvKeys.ignored_tags) or ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(nb_file)
        if "://" in nb_file:
            path = Path(folder, path.name)
            url2repo(nb_file).download(str(path))
        config, code = convert(path, path.stem, None, name, tags)
    if not no_embed:
        encoded = base64.b64encode(code.encode()).decode()
        config["spec"]["build"]["functionSourceCode"] = encoded
    return config, code


def add_kind_footer(kind: str, config: dict[str, Any], code: str, always: bool = False) -> str:
    """Code whose requests are answered by runs or a graph; the configuration gets it, too."""
    made, code = code2config(code, kind=kind)
    build = config["spec"]["build"]
    if always or build.get("functionSourceCode"):
        build["functionSourceCode"] = made["spec"]["build"]["functionSourceCode"]
    return code


def archive_path(archive: str, project: str, name: str, tag: str = "") -> tuple[str, bool]:
    """Where an archive is written, and whether that is a URL.

    Raises:
        BuildError: if no project or place is named.
    """
    place = archive or environment(EnvKeys.default_archive) or ""
    if not project:
        raise BuildError(
            "project name must be specified for archives", fix="project=, or -p in %nuclio"
        )
    if not place:
        raise BuildError(
            "archive path must be provided via output_dir or env",
            fix=f"output_dir=, -o in %nuclio, or {EnvKeys.default_archive}",
        )
    is_url = "://" in place
    place = place if is_url else str(Path(place).absolute())
    return f"{place.rstrip('/')}/{project}/{name}{f'_{tag}' if tag else ''}.zip", is_url


def _pack(
    config: dict[str, Any],
    packed: tuple[str, str, str, list[str]],
    output_dir: str,
    project: str,
    name: str,
    tag: str,
) -> dict[str, Any]:
    code, base, ext, files = packed
    target, is_url = archive_path(output_dir, project, name, tag)
    with tempfile.TemporaryDirectory() as folder:
        if not is_url:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        path = str(Path(folder, "function.zip")) if is_url else target
        build_zip(path, config, code, files, ext, base)
        if is_url:
            upload_file(path, target)
            return get_archive_config(name, target)
    config["metadata"]["name"] = name
    return config


def _write(config: dict[str, Any], output_dir: str, file: str, code: str, source: str) -> None:
    """`function.yaml` without the name, and the code, unless that is where it came from."""
    if "://" not in output_dir:
        Path(output_dir).mkdir(parents=True, exist_ok=True)
    metadata = {key: value for key, value in config["metadata"].items() if key != "name"}
    target = f"{output_dir.rstrip('/')}/{file}"
    put_data(f"{output_dir.rstrip('/')}/function.yaml", _yaml({**config, "metadata": metadata}))
    if "://" in target or Path(target).absolute() != Path(source).absolute():
        put_data(target, code)


def _yaml(config: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(config, default_flow_style=False)
    return text
