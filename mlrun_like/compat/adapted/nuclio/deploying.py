"""`build_file`, `deploy_file` and `deploy_code`: a file or text as a function that answers."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from mlrun_like.compat.adapted.nuclio.config import ConfigSpec
from mlrun_like.errors import BuildError, EngineError
from mlrun_like.functions.creators import code_to_function

__all__ = ["BuildError", "DeployError", "build_file", "delete_func", "deploy_code", "deploy_file"]

DeployError = EngineError


def _function(source: str, name: str, project: str, handler: str, tag: str, spec: Any) -> Any:
    function = code_to_function(
        name, project, tag, filename=source, handler=handler, kind="remote", with_doc=False
    )
    if isinstance(spec, ConfigSpec):
        spec.apply_to(function)
    return function


def build_file(
    filename: str = "",
    name: str = "",
    handler: str = "",
    archive: bool = False,
    project: str = "",
    tag: str = "",
    spec: ConfigSpec | None = None,
    **older: Any,
) -> tuple[str, dict[str, Any], str]:
    """A file or notebook as Nuclio's configuration and code.

    Args:
        filename: The file.
        name: The function's name; by default the file's.
        handler: The function in it that answers.
        archive: Not used: code is embedded.
        project: Its project.
        tag: Its tag.
        spec: What is added to it.
        older: nuclio's further arguments; they have no effect.

    Returns:
        The name, the configuration and the code.
    """
    del archive, older
    function = _function(filename, name, project, handler, tag, spec)
    found = function.to_nuclio()
    encoded = ((found.get("spec") or {}).get("build") or {}).get("functionSourceCode") or ""
    encoded = encoded or function.spec.build.functionSourceCode
    return function.metadata.name, found, base64.b64decode(encoded).decode()


def deploy_file(
    source: str = "",
    dashboard_url: str = "",
    name: str = "",
    project: str = "",
    handler: str = "",
    tag: str = "",
    spec: ConfigSpec | None = None,
    **older: Any,
) -> str:
    """Deploy a file or notebook; gives its address.

    Args:
        source: The file.
        dashboard_url: Nuclio's dashboard; empty: the local gateway.
        name: The function's name; by default the file's.
        project: Its project.
        handler: The function in it that answers.
        tag: Its tag.
        spec: What is added to it.
        older: nuclio's further arguments; they have no effect.
    """
    del older
    function = _function(source, name, project, handler, tag, spec)
    return str(function.deploy(**({"dashboard": dashboard_url} if dashboard_url else {})))


def deploy_code(
    code: str,
    dashboard_url: str = "",
    name: str = "",
    project: str = "",
    handler: str = "",
    lang: str = ".py",
    tag: str = "",
    **older: Any,
) -> str:
    """Deploy a text as a function; arguments as for `deploy_file`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{name or 'handler'}{lang}")
        file.write_text(code, "utf-8")
        return deploy_file(str(file), dashboard_url, name, project, handler, tag, **older)


def delete_func(name: str, dashboard_url: str = "", namespace: str = "", project: str = "") -> bool:
    """Take a deployed function away; gives whether there was one."""
    del namespace
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "handler.py")
        file.write_text("def handler(context, event): ...\n", "utf-8")
        function = _function(str(file), name, project, "handler", "", None)
    return bool(function.delete_deployment(dashboard=dashboard_url))
