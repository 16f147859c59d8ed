"""The changes a user can make to a function's document; each returns the function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.options import check_mapping, check_resources, check_texts
from mlrun_like.names import check_label
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from typing_extensions import Self

    from mlrun_like.specs.function import FunctionDoc
    from mlrun_like.specs.values import Resources

__all__ = ["Editing"]


class Editing(ABC):
    """Resources, environment, labels, code."""

    @abstractmethod
    def _doc(self) -> FunctionDoc:
        """The document that is changed."""

    @abstractmethod
    def _forget_handler(self) -> None:
        """The live callable no longer is what the document says."""

    def with_resources(self, resources: Resources) -> Self:
        """Replace what the function may use."""
        checked = check_resources(resources)
        self._doc().spec.resources = checked.to_dict() if checked else {}
        return self

    def set_env(self, name: str, value: Any = None, value_from: Any = None) -> Self:
        """Set an environment variable of its process.

        Args:
            name: The variable.
            value: Its value; kept as text.
            value_from: A Kubernetes source instead of a value, as plain data.
        """
        if (
            not isinstance(name, str)
            or not name
            or "=" in name
            or "\0" in name
            or (value is None) == (value_from is None)
        ):
            raise InvalidArgumentError(
                f"environment variable {name!r} needs a usable name and one value",
                fix='fn.set_env("LEVEL", "3")',
            )
        row: dict[str, Any] = {"name": name, "value": str(value)}
        if value_from is not None:
            source = check_mapping("value_from", value_from, '{"secretKeyRef": {...}}')
            row = {"name": name, "valueFrom": source}
        self._doc().spec.env = [
            item for item in self._doc().spec.env if item.get("name") != name
        ] + [row]
        return self

    def set_envs(self, env_vars: Mapping[str, Any] | None = None, file_path: str = "") -> Self:
        """Set several environment variables, from a mapping or a `.env` file (one of them)."""
        if bool(env_vars) == bool(file_path):
            raise InvalidArgumentError(
                "give env_vars or file_path, one of them", fix='fn.set_envs({"LEVEL": "3"})'
            )
        if file_path:
            env_vars = resolve("mlrun_like.runs.secrets:read_env_file")(file_path)
        for name, value in check_mapping("env_vars", env_vars, '{"LEVEL": "3"}').items():
            self.set_env(name, value)
        return self

    def get_env(self, name: str, default: Any = None) -> Any:
        """The value of an environment variable set on this function."""
        for item in self._doc().spec.env:
            if item.get("name") == name:
                return item.get("value", item.get("valueFrom"))
        return default

    def is_env_exists(self, name: str) -> bool:
        """Whether an environment variable is set on this function."""
        return any(item.get("name") == name for item in self._doc().spec.env)

    def set_label(self, key: str, value: Any) -> Self:
        """Set a label; the value is kept as text."""
        key, value = check_label(str(key), str(value))
        self._doc().metadata.labels = {**self._doc().metadata.labels, key: value}
        return self

    def set_categories(self, categories: Sequence[str]) -> Self:
        """Set the categories shown in a catalogue."""
        self._doc().metadata.categories = check_texts("categories", categories, '["training"]')
        return self

    def with_code(self, from_file: str = "", body: str = "") -> Self:
        """Replace the code, from a file or a text (one of them)."""
        resolve("mlrun_like.functions.documents:with_code")(self._doc(), from_file, body)
        self._forget_handler()
        return self
