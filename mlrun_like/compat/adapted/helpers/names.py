"""Names, URIs and paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.compat.adapted.helpers import patterns
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "DB_SCHEMA",
    "RunKeys",
    "StorePrefix",
    "check_if_hub_uri",
    "ensure_batch_job_suffix",
    "fill_artifact_path",
    "generate_artifact_uri",
    "generate_object_uri",
    "get_artifact_target",
    "hub_prefix",
    "is_link_artifact",
    "is_parquet_file",
    "is_relative_path",
    "is_store_uri",
    "is_yaml_path",
    "join_urls",
    "lock_hub_uri_version",
    "normalize_name",
    "normalize_project_username",
    "normalize_workflow_name",
    "parse_artifact_uri",
    "remove_image_protocol_prefix",
    "remove_tag_from_artifact_uri",
    "resolve_git_reference_from_source",
    "split_handler_module_and_function",
    "split_path",
    "template_artifact_path",
]

DB_SCHEMA = "store"
hub_prefix = "hub://"
_STORE = f"{DB_SCHEMA}://"
_BATCH = "-batch"


class RunKeys:
    """Names of a run's parts in its document."""

    input_path = "input_path"
    output_path = "output_path"
    inputs = "inputs"
    returns = "returns"
    artifacts = "artifacts"
    artifact_uris = "artifact_uris"
    outputs = "outputs"
    data_stores = "data_stores"
    secrets = "secret_sources"


class StorePrefix:
    """What follows `store://`, by the kind of the thing.

    >>> StorePrefix.kind_to_prefix("model")
    'models'
    """

    FeatureSet = "feature-sets"
    FeatureVector = "feature-vectors"
    Artifact = "artifacts"
    Model = "models"
    Dataset = "datasets"
    Document = "documents"
    LLMPrompt = "llm-prompts"

    @classmethod
    def is_artifact(cls, prefix: str) -> bool:
        """Whether it is that of an artifact."""
        return prefix in (cls.Artifact, cls.Model, cls.Dataset, cls.Document, cls.LLMPrompt)

    @classmethod
    def kind_to_prefix(cls, kind: str) -> str:
        """That of an artifact's kind."""
        named = {"model": cls.Model, "dataset": cls.Dataset, "document": cls.Document}
        return cls.LLMPrompt if kind == "llm-prompt" else named.get(kind, cls.Artifact)

    @classmethod
    def is_prefix(cls, prefix: str) -> bool:
        """Whether it is one at all."""
        return cls.is_artifact(prefix) or prefix in (cls.FeatureSet, cls.FeatureVector)


def is_store_uri(url: str | None) -> bool:
    """Whether it begins with `store://`."""
    return bool(url) and str(url).startswith(_STORE)


def check_if_hub_uri(uri: str) -> bool:
    """Whether it begins with `hub://`."""
    return uri.startswith(hub_prefix)


def lock_hub_uri_version(uri: str, locked_version: str) -> str:
    """The same `hub://` URI with this version, unless it names another than `latest`."""
    name, _, tag = uri.removeprefix(hub_prefix).partition(":")
    return f"{hub_prefix}{name}:{locked_version if tag in ('', 'latest') else tag}"


def is_yaml_path(url: str) -> bool:
    """Whether it is the name of a YAML file."""
    return url.endswith((".yaml", ".yml"))


def is_parquet_file(file_path: str, format_: str | None = None) -> bool:
    """Whether it is a Parquet file, by its name or format."""
    return file_path.endswith((".parquet", ".pq")) or format_ == "parquet"


def is_relative_path(path: str | None) -> bool:
    """Whether it is neither absolute nor a URL."""
    return bool(path) and not (
        str(path).startswith("/") or ":\\" in str(path) or "://" in str(path)
    )


def is_link_artifact(artifact: Any) -> bool:
    """Whether an artifact, or its document, is a link."""
    kind = artifact.get("kind") if isinstance(artifact, Mapping) else artifact.kind
    return bool(kind == "link")


def normalize_name(name: str) -> str:
    """Small letters and `-` in place of spaces and `_`.

    >>> normalize_name("My_first function")
    'my-first-function'
    """
    return re.sub(r"\s+", "-", name).replace("_", "-").lower()


def normalize_workflow_name(name: str, project_name: str) -> str:
    """Without the project's name in front."""
    return name.removeprefix(f"{project_name}-")


def normalize_project_username(username: str) -> str:
    """A user's name as part of a project's: small letters, digits and `-`."""
    text = re.sub(r"[^a-z0-9_-]", "", username.lower().partition("@")[0]).replace("_", "-")
    return text.rstrip("-")


def ensure_batch_job_suffix(function_name: str | None) -> tuple[str | None, bool, str]:
    """A name that ends with `-batch`, whether it is a new one, and that ending."""
    if not function_name or function_name.endswith(_BATCH):
        return function_name, False, _BATCH
    return f"{function_name}{_BATCH}", True, _BATCH


def join_urls(base_url: str | None, path: str | None) -> str:
    """Two parts of a URL with one slash between them."""
    base = base_url or ""
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base


def split_path(path: str | None) -> str | list[str] | None:
    """The parts of a dotted path; of one part only itself."""
    parts = (path or "").split(".")
    return path if path is None or len(parts) == 1 else parts


def split_handler_module_and_function(handler: str | None) -> tuple[str, str]:
    """Module and function of `module:function`."""
    module, mark, function = (handler or "").partition(":")
    return (module, function) if mark else ("", module)


def resolve_git_reference_from_source(source: str) -> tuple[str, str, str]:
    """Repository, reference and branch of `<url>#refs/...` and `<url>#<branch>`."""
    url, mark, reference = source.partition("#")
    if not mark:
        return source, "", ""
    return (url, reference, "") if reference.startswith("refs/") else (url, "", reference)


def parse_artifact_uri(
    uri: str, default_project: str = ""
) -> tuple[str, str, int, str | None, str | None, str | None]:
    """Project, key, iteration, tag, tree and uid of an artifact's URI without its beginning.

    Raises:
        ValueError: if it is none.

    >>> parse_artifact_uri("fraud/model#3:v2@abc")
    ('fraud', 'model', 3, 'v2', 'abc', None)
    """
    match = re.match(patterns.artifact_uri_pattern, uri)
    if match is None:
        raise ValueError(
            "Uri not in supported format [<project>/]<key>[#<iteration>][:<tag>][@<tree>]"
        )
    parts = match.groupdict()
    try:
        iteration = int(parts["iteration"] or 0)
    except ValueError:
        raise ValueError(f"illegal store path '{uri}', iteration must be integer value") from None
    project = parts["project"] or default_project
    return project, parts["key"], iteration, parts["tag"], parts["tree"], parts["uid"]


def generate_object_uri(
    project: str, name: str, tag: str | None = None, hash_key: str | None = None
) -> str:
    """`project/name@hash`, else `project/name:tag`."""
    end = f"@{hash_key}" if hash_key else f":{tag}" if tag else ""
    return f"{project}/{name}{end}"


def generate_artifact_uri(
    project: str, key: str, tag: str | None = None, iter: int | None = None,
    tree: str | None = None, uid: str | None = None,
) -> str:  # fmt: skip
    """`project/key#iter:tag@tree^uid`, with the parts that there are."""
    parts = (("#", iter), (":", tag), ("@", tree), ("^", uid))
    return f"{project}/{key}" + "".join(f"{m}{v}" for m, v in parts if v is not None)


def remove_tag_from_artifact_uri(uri: str) -> str:
    """The URI without its tag."""
    start = _STORE if is_store_uri(uri) else ""
    return start + re.sub(
        r"(#[^:@\s]*)?:[^@^:\s]+(?=(@|\^|$))", lambda m: m.group(1) or "", uri.removeprefix(start)
    )


def get_artifact_target(item: Mapping[str, Any], project: str | None = None) -> Any:
    """The `store://` URI of an artifact's document; of other kinds the place of its bytes."""
    meta, spec, kind = item["metadata"], item["spec"], item.get("kind")
    if kind not in ("dataset", "model", "llm-prompt", "artifact") or not spec.get("db_key"):
        return spec.get("target_path")
    inner = generate_artifact_uri(
        project or meta.get("project"), spec["db_key"], meta.get("tag") or "latest",
        meta.get("iter") or None, meta.get("tree") or None, meta.get("uid") or None,
    )  # fmt: skip
    return f"{_STORE}{StorePrefix.kind_to_prefix(kind)}/{inner}"


def fill_artifact_path(artifact_path: str, project: str | None) -> str:
    """`{{project}}` and `{{run.project}}` of a path replaced.

    Raises:
        InvalidArgumentError: if the path asks for a project and there is none.
    """
    names = ("{{run.project}}", "{{project}}")
    if any(name in artifact_path for name in names) and not project:
        raise InvalidArgumentError(
            f"project name must be specified with this artifact_path template {artifact_path}"
        )
    for name in names:
        artifact_path = artifact_path.replace(name, project or "")
    return artifact_path


def template_artifact_path(
    artifact_path: str | None, project: str | None, run_uid: str | None = None
) -> str | None:
    """The path with the run's id, else `project`, and the project's name in it."""
    if not artifact_path:
        return artifact_path
    return fill_artifact_path(artifact_path.replace("{{run.uid}}", run_uid or "project"), project)


def remove_image_protocol_prefix(image: str) -> str:
    """An image's name without `http://` or `https://`."""
    return image.removeprefix("https://").removeprefix("http://") if image else image
