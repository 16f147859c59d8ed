"""`nuclio.utils`: lines of settings, names, and the variables that steer an export."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.functions.files import calling_file
from mlrun_like.packaging.settings import expand, read_setting

__all__ = [
    "EnvKeys",
    "create_logger",
    "iter_env_lines",
    "list2dict",
    "logger",
    "normalize_name",
    "notebook_file_name",
    "parse_config_line",
    "parse_env",
    "str2nametag",
]


class EnvKeys:
    """Names of the environment variables that an export reads."""

    handler_name = "NUCLIO_HANDLER_NAME"
    handler_path = "NUCLIO_HANDLER_PATH"
    drop_nb_outputs = "NUCLIO_NO_OUTPUTS"
    code_target_path = "NUCLIO_CODE_PATH"
    env_files = "NUCLIO_ENV_FILES"
    default_archive = "NUCLIO_ARCHIVE_PATH"
    function_name = "NUCLIO_FUNCTION_NAME"
    ignored_tags = "NUCLIO_IGNORED_TAGS"


def create_logger() -> logging.Logger:
    """The logger named `nuclio`, which writes to stdout."""
    made = logging.getLogger("nuclio")
    if not made.handlers:
        stream = logging.StreamHandler(sys.stdout)
        stream.setFormatter(logging.Formatter("[%(name)s] %(asctime)s %(message)s"))
        made.addHandler(stream)
    made.setLevel(logging.INFO)
    made.propagate = False
    return made


logger = create_logger()
"""What `nuclio` writes to."""


def parse_env(line: str) -> tuple[str | None, str | None]:
    """Name and value of a `NAME=value` line; twice None for any other.

    >>> parse_env("USER = ann")
    ('USER', 'ann')
    """
    name, equals, value = line.partition("=")
    return (name.strip(), expand(value.strip())) if equals else (None, None)


def iter_env_lines(fp: Iterable[str]) -> Iterator[str]:
    """The lines of a file of variables, without empty ones and comments."""
    for line in map(str.strip, fp):
        if line and not line.startswith("#"):
            yield line


def list2dict(lines: Iterable[str]) -> dict[str, str | None]:
    """Variables of `NAME=value` lines.

    Raises:
        InvalidArgumentError: if a line is none.
    """
    found: dict[str, str | None] = {}
    for line in lines:
        name, value = parse_env(line)
        if name is None:
            raise InvalidArgumentError(f'cannot find "=" in line {line!r}', fix="NAME=value")
        found[name] = value
    return found


def parse_config_line(line: str) -> tuple[str, str, Any]:
    """Key, operator and value of a line such as `spec.maxReplicas = 5`.

    Raises:
        NotebookError: if it is none, which is a ValueError.

    >>> parse_config_line("build.commands += [1, 2]")
    ('build.commands', '+=', [1, 2])
    """
    keys, operator, value = read_setting(line.strip(), "%nuclio config")
    return ".".join(f"\\{key}\\" if "." in key else key for key in keys), operator, value


def normalize_name(name: str) -> str:
    """A name as Nuclio takes it.

    >>> normalize_name("My model_v1.2")
    'my-model-v12'
    """
    return re.sub(r"\s+", "-", name).replace("_", "-").replace(".", "").lower()


def str2nametag(input: str) -> tuple[str, str, str]:
    """Project, name and tag of `<project>/<name>:<tag>`.

    Raises:
        InvalidArgumentError: if it is none.
    """
    project, slash, rest = input.partition("/")
    if not slash or "/" in rest:
        raise InvalidArgumentError(f"{input!r} is not <project>/<name>:<tag>")
    name, _, tag = rest.partition(":")
    return project, name, tag


def notebook_file_name(ikernel: Any = None) -> str | None:
    """The path of the notebook that runs; None if it is not known."""
    del ikernel
    try:
        return environment("JUPYTER_NOTEBOOK_FILE_NAME") or str(calling_file())
    except MLRunLikeError:
        return None
