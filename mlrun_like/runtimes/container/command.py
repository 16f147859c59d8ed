"""The command line of one run's container, and the private files it reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.reference import ImageName
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.container.limits import limit_options
from mlrun_like.runtimes.container.mounts import Mount, mount_options, volume_mounts
from mlrun_like.runtimes.container.objects import referred_value, write_files
from mlrun_like.runtimes.container.pulling import pull_options
from mlrun_like.runtimes.container.sharing import (
    absolute_paths,
    absolute_url,
    local_program,
    shared_mounts,
)
from mlrun_like.runtimes.container.site import python_tag, site_mounts
from mlrun_like.runtimes.container.start import REQUEST
from mlrun_like.runtimes.container.tool import Tool
from mlrun_like.runtimes.container.user import User, security_options, user_of
from mlrun_like.runtimes.programs import RESULT
from mlrun_like.runtimes.workplace import own_variables
from mlrun_like.specs.function import FunctionDoc

__all__ = ["INSIDE", "PRIVATE", "container_name", "image_of", "run_command", "variables_of"]

PRIVATE = "/mlrun-like/run"
"""Where `INSIDE` is inside."""
INSIDE = "inside"
"""The part of the run's private folder that the container sees."""
_LABEL = "mlrun-like"
_SECRETS = "/run/secrets"
_ROOT = "/root"
"""In images only root may look into this folder, and what root shares is often below it."""
_TEMPLATE = ("{{project}}", "{{run.uid}}")


def image_of(doc: FunctionDoc) -> str:
    """The image that a function runs in.

    Raises:
        InvalidArgumentError: if its name is malformed.
    """
    image = doc.spec.image or config.default_image
    ImageName.parse(image)
    return str(ImageName.parse(image)) if image.startswith(".") else image


def container_name(job: Job) -> str:
    """The name of an attempt's container, also its host name."""
    meta = job.run.metadata
    child = f"-{meta.iteration}" if meta.iteration else ""
    return f"mlrun-like-{meta.uid}{child}-{job.attempt}"


def variables_of(
    doc: FunctionDoc, secrets: Mapping[str, str], fields: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The function's variables: plain ones, and those taken from secrets and the like.

    Raises:
        InvalidArgumentError: if one cannot be used.
        MissingFileError: if a secret or config map is not on this machine.
    """
    plain, _ = own_variables(doc)
    private: dict[str, str] = {}
    for item in doc.spec.env:
        reference = item.get("valueFrom") or item.get("value_from")
        if item.get("value") is None and reference:
            value = referred_value(reference, secrets, fields)
            if value is not None:
                private[str(item["name"])] = value
    return plain, private


def run_command(tool: Tool, job: Job, folder: Path, relay: bool) -> list[str]:
    """Write the run's private files and give the command that runs it.

    Args:
        tool: What runs containers.
        job: What runs.
        folder: The run's private folder.
        relay: Whether records travel with the output.

    Raises:
        MLRunLikeError: if something that the function asks for cannot be had here.
    """
    spec, meta = job.function.spec, job.run.metadata
    name, user = container_name(job), user_of(spec.security_context, tool.name)
    run, inside, image = absolute_paths(job.run), folder / INSIDE, image_of(job.function)
    shared = shared_mounts(job, run, relay)
    mounts = [
        Mount(PRIVATE, str(inside)),
        *site_mounts(),
        *shared,
        *volume_mounts(spec.volumes, spec.volume_mounts, folder, job.secrets),
        *_secret_mounts(job, folder),
    ]
    if user.uid and any(mount.target.startswith(f"{_ROOT}/") for mount in mounts):
        # a folder of ours: memory mounted there would get the permissions of the image's folder
        (folder / "root").mkdir(mode=0o755)
        mounts.insert(0, Mount(_ROOT, str(folder / "root")))
    fields = {"metadata.name": name, "metadata.namespace": meta.project, "metadata.uid": meta.uid}
    plain, private = variables_of(job.function, job.secrets, fields)
    payload = build_payload(job, f"{PRIVATE}/{RESULT}", relay)
    payload["run"] = run.to_dict()
    program = local_program(job.function)
    if program:
        payload["function"]["spec"]["command"] = program
    payload["settings"] = _settings(job, relay)
    request = {
        "payload": payload,
        "variables": {**plain, **private},
        "workdir": spec.workdir,
        "path": [part for part in spec.pythonpath.split(os.pathsep) if part],
        "python": python_tag(),
    }
    (inside / "work").mkdir(parents=True)
    own = Path(__file__).with_name("start.py").read_bytes()
    write_files(inside, {REQUEST: json.dumps(request).encode(), "start.py": own})
    if not user.own:
        _give(folder, [m.source for m in shared if not m.read_only], user)
    argv = [tool.path, "run", "--name", name, "--hostname", name[:63], "--log-driver", "none"]
    argv += ["--network", config.container_network]
    argv += pull_options(tool.name, job.function, image, folder)
    argv += ["--entrypoint", "python3", *user.options, *security_options(spec.security_context)]
    argv += limit_options(spec.resources, tool.name)
    for key, value in (("run", meta.uid), ("project", meta.project), ("name", meta.name)):
        argv += ["--label", f"{_LABEL}.{key}={value}"]
    argv += _variable_options(plain, folder)
    if os.path.exists("/sys/fs/selinux/enforce"):
        argv += ["--security-opt", "label=disable"]  # relabelling would touch the user's files
    return [*argv, *mount_options(mounts), image, f"{PRIVATE}/start.py"]


def _settings(job: Job, relay: bool) -> dict[str, Any]:
    """What is set here, with paths that do not depend on the folder or the user."""
    settings = config.changed()
    settings.pop("config_file", None)  # its values are among the others; the file stays here
    settings["home"] = f"{PRIVATE}/home" if relay else str(config.path())
    settings["dbpath"] = "" if relay else job.store.url
    path = config.artifact_path or (relay and str(config.path("artifacts", *_TEMPLATE)))
    if path:
        settings["artifact_path"] = absolute_url(path)
    return settings


def _secret_mounts(job: Job, folder: Path) -> list[Mount]:
    """The run's secrets as files, as other programs look for them."""
    files = {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in job.secrets.items()
        if re.fullmatch(r"[\w.-]+", name) and name not in (".", "..")
    }
    if not files:
        return []
    write_files(folder / "secrets", files)
    return [Mount(f"{_SECRETS}/{name}", str(folder / "secrets" / name), True) for name in files]


def _variable_options(plain: Mapping[str, str], folder: Path) -> list[str]:
    """Variables that the first program already sees; all of them come with the request too."""
    lines = [
        f"{name}={value}"
        for name, value in plain.items()
        if re.fullmatch(r"[A-Za-z_]\w*", name) and not re.search(r"[\r\n]", value)
    ]
    write_files(folder, {"variables": "\n".join(lines).encode("utf-8", "surrogateescape")})
    return ["--env-file", str(folder / "variables")] if lines else []


def _give(folder: Path, written: list[str], user: User) -> None:
    """Have another user own the run's private files and new folders; only root can."""
    if os.geteuid() != 0:
        raise InvalidArgumentError(
            f"the code cannot run as user {user.uid}: files it needs could not be given to it",
            where="spec.security_context.runAsUser",
            fix="leave it out, or use rootless podman, which can map the user",
        )
    new = [path for path in written if os.path.isdir(path) and not os.listdir(path)]
    for path in (str(folder), *map(str, folder.rglob("*")), *new):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
