"""The function document, in the layout of MLRun's `function.yaml`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import ConfigDict, Field

from mlrun_like.specs.engines import DaskFields, MpiFields, NuclioFields, SparkFields
from mlrun_like.specs.model import Model, merge_foreign, parse, split_foreign
from mlrun_like.specs.platform_key import without_platform_key
from mlrun_like.specs.pod import PodFields

__all__ = [
    "Build",
    "EntryPoint",
    "EntryPointParameter",
    "Environment",
    "FunctionDoc",
    "FunctionMetadata",
    "FunctionSpec",
]

_digests: dict[bytes, str] = {}
"""Digests by what they are of: a function is run more often than it changes."""
_REMEMBERED = 1000


class FunctionMetadata(Model):
    """Who the function is."""

    name: str = ""
    project: str = ""
    tag: str = ""
    hash: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    categories: list[str] = Field(default_factory=list)
    updated: str | None = None


class EntryPointParameter(Model):
    """One argument of an entry point; keys of other systems are kept."""

    model_config = ConfigDict(extra="allow")

    name: str
    type: str = ""
    default: Any = None
    doc: str = ""
    required: bool = False
    choices: list[Any] = Field(default_factory=list)


class EntryPoint(Model):
    """One function that can be called by name; keys of other systems are kept."""

    model_config = ConfigDict(extra="allow")

    name: str
    doc: str = ""
    parameters: list[EntryPointParameter] = Field(default_factory=list)
    outputs: list[dict[str, Any]] = Field(default_factory=list)
    lineno: int = -1
    has_varargs: bool = False
    has_kwargs: bool = False


class Environment(Model):
    """What the code was written against."""

    python: str = ""
    platform: str = ""
    requirements: list[str] = Field(default_factory=list)
    lock: dict[str, str] = Field(default_factory=dict)
    lock_hash: str = ""


class Build(Model):
    """How the code travels and what its image needs."""

    functionSourceCode: str = ""
    modules: dict[str, str] = Field(default_factory=dict)
    origin_module: str = ""
    origin_filename: str = ""
    code_origin: str = ""
    source: str = ""
    base_image: str = ""
    image: str = ""
    commands: list[str] = Field(default_factory=list)
    requirements: list[str] = Field(default_factory=list)
    extra: str = ""
    extra_args: str = ""
    builder_env: dict[str, Any] = Field(default_factory=dict)
    secret: str = ""
    with_mlrun: bool | None = None
    auto_build: bool | None = None
    load_source_on_run: bool | None = None
    source_code_target_dir: str = ""


class FunctionSpec(PodFields, DaskFields, SparkFields, MpiFields, NuclioFields):
    """What the function needs and how it is called; the parts of single kinds are its bases."""

    command: str = ""
    args: list[Any] = Field(default_factory=list)
    image: str = ""
    mode: str = ""
    default_handler: str = ""
    entry_points: dict[str, EntryPoint] = Field(default_factory=dict)
    description: str = ""
    workdir: str = ""
    pythonpath: str = ""
    env: list[dict[str, Any]] = Field(default_factory=list)
    resources: dict[str, Any] = Field(default_factory=dict)
    returns: list[Any] = Field(default_factory=list)
    retry: dict[str, Any] = Field(default_factory=dict)
    timeout: float | None = None
    graph: dict[str, Any] | None = None
    plan: dict[str, Any] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    default_class: str = ""
    load_mode: str | None = None
    graph_initializer: str = ""
    error_stream: str = ""
    track_models: bool | None = None
    tracking_policy: dict[str, Any] | None = None
    function_refs: dict[str, Any] = Field(default_factory=dict)
    secret_sources: list[Any] = Field(default_factory=list)
    default_content_type: str = ""
    streaming: bool | None = None
    environment: Environment = Field(default_factory=Environment)
    build: Build = Field(default_factory=Build)


class FunctionDoc(Model):
    """A whole function; `foreign` holds keys of other systems, kept on a round trip."""

    kind: str = "local"
    metadata: FunctionMetadata = Field(default_factory=FunctionMetadata)
    spec: FunctionSpec = Field(default_factory=FunctionSpec)
    status: dict[str, Any] = Field(default_factory=dict)
    verbose: bool = False
    foreign: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: Any, where: str = "") -> FunctionDoc:
        """Read MLRun's layout; a missing kind means `job`.

        Raises:
            SpecError: if a known key has a wrong type.
        """
        if isinstance(document, dict) and "foreign" not in document:
            known, foreign = split_foreign(cls, document)
            known["foreign"] = foreign
            known.setdefault("kind", "job")
            document = known
        return parse(cls, document, where)

    def to_dict(self) -> dict[str, Any]:
        """MLRun's layout with foreign keys put back and empty values left out."""
        document = super().to_dict()
        document.pop("foreign", None)
        return merge_foreign(document, self.foreign)

    def digest(self) -> str:
        """SHA-1 over the sorted document without tag, hash, status and time."""
        key = hashlib.blake2b(self.model_dump_json().encode(), digest_size=16).digest()
        known = _digests.get(key)
        if known is None:
            if len(_digests) > _REMEMBERED:
                _digests.clear()
            known = _digests[key] = self._digest()
        return known

    def _digest(self) -> str:
        document = without_platform_key(self.to_dict())
        document = {key: part for key, part in document.items() if key != "status"}
        for key in ("tag", "hash", "updated"):
            document.get("metadata", {}).pop(key, None)
        plain = json.loads(json.dumps(document, default=str))  # keys become texts, which sort
        text = json.dumps(plain, sort_keys=True)
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
