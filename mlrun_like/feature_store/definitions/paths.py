"""Where targets are, unless they say."""

from __future__ import annotations

import os
import re

from mlrun_like.artifacts.paths import expand_artifact_path
from mlrun_like.artifacts.stores import join_url, scheme_of
from mlrun_like.configuration import config

__all__ = ["default_target_path", "feature_store_root", "fill_path", "online_url"]

_FIELD = re.compile(r"\{(run_id|project|name|kind)\}")


def feature_store_root(project: str) -> str:
    """The folder of a project's features: below the setting `artifact_path`, else in home."""
    base = expand_artifact_path(str(config.artifact_path or ""), project, "")
    base = base or str(config.path())
    if not scheme_of(base):
        base = os.path.abspath(os.path.expanduser(base))
    return join_url(base, "projects", project, "feature-store")


def default_target_path(
    project: str,
    kind: str,
    set_name: str,
    *,
    target: str = "",
    category: str = "sets",
    suffix: str = "",
    run_id: str = "",
) -> str:
    """The default place of a target; of an online one, the URL of its store.

    Args:
        project: The project.
        kind: The kind of target.
        set_name: The feature set or vector.
        target: The target's name, if it is not its kind.
        category: `sets` or `vectors`.
        suffix: An ending such as `.csv`; none for folders.
        run_id: The ingestion's id, if each ingestion has its own place.
    """
    project = project or str(config.default_project)
    if kind == "nosql":
        return online_url(project)
    name = f"{set_name}-{target}" if target and target != kind else set_name
    parts = [feature_store_root(project), set_name, kind, category, *([run_id] if run_id else [])]
    return join_url(*parts, f"{name}{suffix}")


def online_url(project: str) -> str:
    """The default online store of a project: a SQLite file in its folder.

    A root that is no folder of this machine has no place for it; then it is in home.
    """
    root = feature_store_root(project)
    if scheme_of(root):
        root = str(config.path("projects", project, "feature-store"))
    return f"sqlite:///{root}/online.db"


def fill_path(
    path: str, *, project: str = "", name: str = "", kind: str = "", run_id: str = ""
) -> str:
    """A path with `{project}`, `{name}`, `{kind}` and `{run_id}` filled; other braces stay.

    >>> fill_path("s3://b/{project}/{name}/{run_id}/x.parquet", project="p", name="n", run_id="7")
    's3://b/p/n/7/x.parquet'
    """
    values = {"project": project, "name": name, "kind": kind, "run_id": run_id}
    return _FIELD.sub(lambda match: values[match[1]] or match[0], path)
