"""What surrounds a run: resources, inputs, the place for artifacts."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError, StoreUnavailableError, nearest
from mlrun_like.names import parse_artifact_uri
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.values import parse_cpu, parse_memory
from mlrun_like.tracking.base import Store

__all__ = ["check_artifact_path", "check_inputs", "check_resources"]

_MEANT = {
    "mem": "memory",
    "ram": "memory",
    "cpus": "cpu",
    "cores": "cpu",
    "gpu": "nvidia.com/gpu",
    "gpus": "nvidia.com/gpu",
}
"""What people write for the names of resources."""
_LEAST_MEMORY = 4 * 2**20
_ONE_SLASH = re.compile(r"([a-z][a-z0-9]+):/(?=[^/])")


def check_resources(document: FunctionDoc) -> Iterator[Finding]:
    """Quantities that are none, and requests above their limits."""
    where = f"function {document.metadata.name!r}, spec.resources"
    found: dict[tuple[str, str], float] = {}
    for part in ("requests", "limits"):
        values = document.spec.resources.get(part) or {}
        for name, read in (("cpu", parse_cpu), ("memory", parse_memory)):
            if values.get(name) in (None, ""):
                continue
            try:
                found[part, name] = read(values[name])
            except MLRunLikeError as exc:
                yield Finding("resource-malformed", f"{part}: {exc.what}", where, exc.fix)
        for name in values:
            if name in _MEANT:
                yield Finding(
                    "resource-unknown",
                    f"{part}: there is no resource {name!r}; it would be ignored",
                    where,
                    f"it is called {_MEANT[name]!r}: fn.with_{part}(...) writes it",
                )
    limit = found.get(("limits", "memory"))
    if limit is not None and limit < _LEAST_MEMORY:
        yield Finding(
            "resource-small",
            f"the memory limit, {document.spec.resources['limits']['memory']!r}, is "
            f"{limit:g} bytes; no program starts with that",
            where,
            'fn.with_limits(mem="2Gi")',
        )
    for name in ("cpu", "memory"):
        low, high = found.get(("requests", name)), found.get(("limits", name))
        if low is not None and high is not None and low > high:
            asked, limit = (document.spec.resources[part][name] for part in ("requests", "limits"))
            yield Finding(
                "resource-request",
                f"the request for {name}, {asked}, is above its limit, {limit}",
                where,
                f"fn.with_requests({'mem' if name == 'memory' else name}=...) with less, or a "
                "higher limit",
            )


def check_inputs(run: RunDoc, store: Store) -> Iterator[Finding]:
    """Inputs that are not there, as far as that can be told at once: files and store artifacts."""
    for name, url in run.spec.inputs.items():
        if url.startswith("store://"):
            yield from _stored(name, url, run, store)
        elif "://" not in url or url.startswith("file://"):
            path = Path(unquote(url.removeprefix("file://"))).expanduser()
            base = run.spec.input_path
            if base and "://" not in base and not path.is_absolute():
                path = Path(base, path)
            if not (base and "://" in base) and not path.exists():
                yield _no_file(name, url, path)
        else:
            try:
                get_dataitem(url)
            except MLRunLikeError as exc:
                yield Finding("input-unreadable", f"input {name!r}: {exc.what}", url, exc.fix)


def _no_file(name: str, url: str, path: Path) -> Finding:
    scheme = _ONE_SLASH.match(url)
    fix = "correct the path; relative ones start from the current folder"
    if scheme:
        fix = f"a URL has two slashes: {url.replace(':/', '://', 1)!r}"
    elif path.parent.is_dir():
        near = nearest(path.name, os.listdir(path.parent))
        fix = f"{fix}.{near}" if near else fix
    return Finding(
        "input-missing",
        f"input {name!r} is the file {url!r}, which does not exist",
        str(Path.cwd()),
        fix,
    )


def _stored(name: str, url: str, run: RunDoc, store: Store) -> Iterator[Finding]:
    try:
        uri = parse_artifact_uri(url, run.metadata.project)
        if uri.category.startswith("feature-"):
            get_dataitem(url, store=store, project=run.metadata.project)
            return
        store.read_artifact(
            uri.project, uri.key, tag=uri.tag, iteration=uri.iteration, tree=uri.tree
        )
    except StoreUnavailableError:
        return  # the run goes on without it, and says so itself
    except (NotFoundError, ValueError) as exc:
        what = exc.what if isinstance(exc, MLRunLikeError) else str(exc)
        fix = exc.fix if isinstance(exc, MLRunLikeError) else ""
        yield Finding("input-missing", f"input {name!r}: {what}", url, fix)


def check_artifact_path(run: RunDoc) -> Iterator[Finding]:
    """A place for artifacts that cannot be written to: tried out, for a local folder."""
    path = run.spec.output_path or config.artifact_path
    if not path:
        return
    fix = (
        "fn.run(artifact_path=...) or --artifact-path with a folder of yours, or the setting "
        "artifact_path"
    )
    where = f"run {run.metadata.name!r}"
    if "://" in path and not path.startswith("file://"):
        try:
            get_dataitem(path)
        except MLRunLikeError as exc:
            yield Finding("artifact-path", f"artifact path: {exc.what}", path, exc.fix)
        return
    plain = unquote(path.removeprefix("file://"))
    folder = Path(plain.partition("{{")[0] or ".").expanduser().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        what = f"artifact path {path!r} lies below {str(folder)!r}, which is a file"
        yield Finding("artifact-path", what, where, fix)
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0" * 4096)
    except OSError as exc:
        what = f"artifact path {path!r} cannot be written to: {exc.strerror or exc}"
        yield Finding("artifact-path", what, where, fix)
