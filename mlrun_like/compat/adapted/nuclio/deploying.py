"""`deploy_file` and `deploy_code`: a file or text as a function that answers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlrun_like.compat.adapted.nuclio.archives import get_archive_config, is_archive
from mlrun_like.compat.adapted.nuclio.building import archive_path, build_file
from mlrun_like.compat.adapted.nuclio.config import ConfigSpec
from mlrun_like.compat.adapted.nuclio.dashboards import (
    DeployError,
    ReturnAddressModes,
    deploy_config,
)
from mlrun_like.compat.adapted.nuclio.documents import extend_config
from mlrun_like.errors import BuildError
from mlrun_like.functions.creators import code_to_function

__all__ = ["BuildError", "DeployError", "build_file", "delete_func", "deploy_code", "deploy_file"]


def _function(source: str, name: str, project: str, handler: str, tag: str, spec: Any) -> Any:
    function = code_to_function(
        name, project, tag, filename=source, handler=handler, kind="remote", with_doc=False
    )
    if isinstance(spec, ConfigSpec):
        spec.apply_to(function)
    return function


def deploy_file(  # noqa: PLR0913 - nuclio-jupyter's signature
    source: str = "",
    dashboard_url: str = "",
    name: str = "",
    project: str = "",
    handler: str = "",
    tag: str = "",
    verbose: bool = False,
    create_project: bool = True,
    archive: bool = False,
    spec: ConfigSpec | None = None,
    files: Sequence[str] = (),
    output_dir: str = "",
    kind: str | None = None,
    return_address_mode: str = ReturnAddressModes.default,
    auth_info: Any = None,
) -> Any:
    """Deploy a notebook, a file, an archive or a repository; gives its address.

    Args:
        source: The file, or the URL of an archive or a repository.
        dashboard_url: Nuclio's dashboard; if none is known: the local gateway.
        name: The function's name; by default the file's.
        project: Its project.
        handler: The function in it that answers.
        tag: Its tag.
        verbose: Tell more.
        create_project: Not used: a project that is not there is made.
        archive: Deploy it from an archive that is written first, at the URL `output_dir`.
        spec: What is added to it.
        files: Further files of the archive.
        output_dir: See `build_file`.
        kind: See `build_file`.
        return_address_mode: See `deploy_config`; of archives and other languages than Python.
        auth_info: Not used: user and password are in the URL.

    Raises:
        DeployError: if it cannot be deployed.
    """
    is_plain = Path(source).suffix in ("", ".py", ".ipynb")
    if not is_archive(source) and is_plain and not (archive or files or kind or output_dir):
        function = _function(source, name, project, handler, tag, spec)
        where = {"dashboard": dashboard_url} if dashboard_url else {}
        return str(function.deploy(verbose=verbose, **where))
    if is_archive(source):
        config = extend_config(get_archive_config(name, source), spec, tag, f"archive {source}")
    else:
        if (archive or files) and not archive_path(output_dir, project, name, tag)[1]:
            raise DeployError(
                "deploy from archive require a remote path",
                fix='output_dir="s3://bucket/archives", from where Nuclio can fetch it',
            )
        name, config, _ = build_file(
            source, name, handler, archive, project, tag, spec, files, output_dir, verbose, kind
        )
    return deploy_config(
        config,
        dashboard_url,
        name,
        project,
        tag,
        verbose,
        create_project,
        return_address_mode=return_address_mode,
        auth_info=auth_info,
    )


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
        found: str = deploy_file(str(file), dashboard_url, name, project, handler, tag, **older)
    return found


def delete_func(name: str, dashboard_url: str = "", namespace: str = "", project: str = "") -> bool:
    """Take a deployed function away; gives whether there was one."""
    del namespace
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "handler.py")
        file.write_text("def handler(context, event): ...\n", "utf-8")
        function = _function(str(file), name, project, "handler", "", None)
    return bool(function.delete_deployment(dashboard=dashboard_url))
