"""Datastore profiles of models that are asked over the network or loaded from a hub."""

from __future__ import annotations

from typing import Any, ClassVar

from mlrun_like.artifacts.profiles import DatastoreProfile

__all__ = ["HuggingFaceProfile", "OpenAIProfile"]


class OpenAIProfile(DatastoreProfile):
    """An API like OpenAI's."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("api_key",)
    type: str = "openai"
    api_key: str | None = None
    organization: str | None = None
    project: str | None = None
    base_url: str | None = None
    timeout: float | None = None
    max_retries: int | None = None
    batch_max_concurrent: int | None = None

    def url(self, subpath: str) -> str:
        return f"{self.type}://{subpath.lstrip('/')}"

    def secrets(self) -> dict[str, Any]:
        found = {
            "OPENAI_API_KEY": self.api_key,
            "OPENAI_ORG_ID": self.organization,
            "OPENAI_PROJECT_ID": self.project,
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_TIMEOUT": self.timeout,
            "OPENAI_MAX_RETRIES": self.max_retries,
            "OPENAI_BATCH_MAX_CONCURRENT": self.batch_max_concurrent,
        }
        return {name: value for name, value in found.items() if value}


class HuggingFaceProfile(DatastoreProfile):
    """Models of the Hugging Face hub."""

    _private_attributes: ClassVar[tuple[str, ...]] = ("token", "model_kwargs")
    type: str = "huggingface"
    task: str | None = None
    token: str | None = None
    endpoint: str | None = None
    device: int | str | None = None
    device_map: str | dict[str, int | str] | None = None
    trust_remote_code: bool | None = None
    max_workers: int | None = None
    model_kwargs: dict[str, Any] | None = None

    def url(self, subpath: str) -> str:
        return f"{self.type}://{subpath.lstrip('/')}"

    def secrets(self) -> dict[str, Any]:
        names = (
            "task", "token", "endpoint", "device", "device_map", "trust_remote_code",
            "max_workers", "model_kwargs",
        )  # fmt: skip
        found = {f"HF_{name.upper()}": getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}
