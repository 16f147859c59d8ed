"""What a run in a container shares with this machine, at the same paths as here.

An URL then means the same inside and outside: the tracking store's file, the home folder with its
artifacts, the folder the run writes to, and the local files and artifacts it reads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import make_url

from mlrun_like.artifacts.paths import expand_artifact_path
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, StoreUnavailableError
from mlrun_like.names import parse_artifact_uri
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.container.mounts import Mount
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = [
    "absolute_paths",
    "absolute_url",
    "local_path",
    "local_program",
    "needs_relay",
    "shared_mounts",
]

_SYSTEM = (
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "proc",
    "run",
    "sbin",
    "sys",
    "usr",
)
_WIDE = ("/home", "/opt", "/root", "/tmp", "/var", "/var/tmp")
"""Folders that an image has for itself, however many files of ours are below them here."""
_HERE = ("localhost", "127.0.0.1", "::1", "")


def local_path(url: str) -> str:
    """The absolute path that a URL or path names on this machine; empty if it names none.

    >>> local_path("file:///data/a%20b.csv"), local_path("s3://bucket/key")
    ('/data/a b.csv', '')
    """
    scheme = scheme_of(url)
    if not scheme:
        return os.path.abspath(os.path.expanduser(url)) if url else ""
    if scheme != "file":
        return ""
    return os.path.abspath(unquote(urlsplit(url).path))


def absolute_paths(run: RunDoc) -> RunDoc:
    """A copy of the run whose relative paths are absolute: inside, the folder is another one."""
    copy = run.model_copy(deep=True)
    spec = copy.spec
    spec.inputs = {key: absolute_url(url) for key, url in spec.inputs.items()}
    for name in ("output_path", "input_path"):
        setattr(spec, name, absolute_url(getattr(spec, name)))
    file = spec.hyper_param_options.get("param_file")
    if isinstance(file, str):
        spec.hyper_param_options["param_file"] = absolute_url(file)
    return copy


def needs_relay(job: Job, own_files: bool, network: str) -> bool:
    """Whether the store cannot be reached from inside, so that records come by the output.

    Args:
        job: What runs.
        own_files: Whether the code runs as the submitter, who may write the store's file.
        network: The container's network.
    """
    url = job.store.url
    if url.startswith("sqlite"):
        # a file is shared safely by the processes of one kernel; elsewhere containers have another
        return not own_files or sys.platform != "linux"
    return network != "host" and (urlsplit(url).hostname or "") in _HERE


def local_program(doc: FunctionDoc) -> str:
    """The absolute path of a function's file that is here and not embedded; empty if none is."""
    spec = doc.spec
    if spec.build.functionSourceCode or not spec.command:
        return ""
    path = str(Path(spec.workdir or ".", spec.command).expanduser().absolute())
    return path if os.path.isfile(path) and _may_be_mounted(path) else ""


def shared_mounts(job: Job, run: RunDoc, relay: bool) -> list[Mount]:
    """The mounts for all that the run shares with this machine.

    Args:
        job: What runs.
        run: Its run with absolute paths.
        relay: Whether the store is left out.
    """
    written = [*_store_folders(job, relay), *_output_folders(run)]
    for path in written:
        Path(path).mkdir(parents=True, exist_ok=True)
    mounts = [Mount(path, path) for path in _outermost(written)]
    for path in _outermost(_read_paths(job, run)):
        if not any(_is_below(path, mount.target) for mount in mounts):
            mounts.append(Mount(path, path, read_only=True))
    return mounts


def _store_folders(job: Job, relay: bool) -> Iterator[str]:
    if not relay:
        yield str(config.path())
        if job.store.url.startswith("sqlite"):
            yield str(Path(make_url(job.store.url).database or "/").parent)


def _output_folders(run: RunDoc) -> Iterator[str]:
    template = run.spec.output_path or config.artifact_path
    meta = run.metadata
    if template:
        path = local_path(expand_artifact_path(template, meta.project, meta.uid))
        if path:
            yield path
    else:
        yield str(config.path("artifacts", meta.project or "default", meta.uid))


def _read_paths(job: Job, run: RunDoc) -> Iterator[str]:
    spec = run.spec
    urls = [*spec.inputs.values(), spec.input_path, spec.hyper_param_options.get("param_file")]
    urls += [v for v in spec.parameters.values() if isinstance(v, str) and "store://" in v[:8]]
    for url in filter(None, urls):
        path = _artifact_path(job, run, url) if url.startswith("store://") else local_path(url)
        if path and _may_be_mounted(path):
            yield path
    program = local_program(job.function)
    if program:
        folder = os.path.dirname(program)  # modules beside it are imported too
        yield folder if _may_be_mounted(folder) else program


def _artifact_path(job: Job, run: RunDoc, url: str) -> str:
    try:
        uri = parse_artifact_uri(url, run.metadata.project)
        document = job.store.read_artifact(
            uri.project, uri.key, tag=uri.tag, iteration=uri.iteration, tree=uri.tree
        )
    except (InvalidArgumentError, NotFoundError, StoreUnavailableError):
        return ""  # the handler's own use of it gives the better message
    return local_path(str(document.get("spec", {}).get("target_path") or ""))


def _may_be_mounted(path: str) -> bool:
    """Whether it exists, and the image's own system stays as it is."""
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[1] in _SYSTEM or path in _WIDE:
        return False
    return os.path.exists(path)


def _outermost(paths: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted({os.path.abspath(path) for path in paths}, key=len):
        if not any(_is_below(path, other) for other in kept):
            kept.append(path)
    return kept


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def absolute_url(url: str) -> str:
    """The URL, or the absolute path of a relative one."""
    return url if not url or scheme_of(url) else os.path.abspath(os.path.expanduser(url))
