"""`LogHint` as an object with MLRun's fields, and the older functions that parse hints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from mlrun_like.artifacts import hints
from mlrun_like.errors import InvalidArgumentError

__all__ = ["LogHint", "LogHintKey", "LogHintUtils"]


@dataclass
class LogHint:
    """How one returned value is logged.

    Args:
        key: Name of the result or artifact.
        tag: The artifact's tag.
        itemized: Whether the items of a collection are logged by themselves; a number: so many
            levels.
        artifact_type: One of `ArtifactType`; None: chosen by the value.
        packing_kwargs: Instructions for the packager.
        labels: The artifact's labels.
        artifact_path: Where it goes.
        extra_data: Names of outputs, or values, to link to it; `...` stands for the output.
        metrics: The same for the metrics of a model.
    """

    key: str
    tag: str = ""
    itemized: bool | int = False
    artifact_type: str | None = None
    packing_kwargs: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] | None = None
    artifact_path: str | None = None
    extra_data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def dict(self) -> dict[str, Any]:
        """All fields as plain data."""
        return asdict(self)

    def copy(self) -> LogHint:
        """A hint of its own with the same fields."""
        return replace(self)

    @classmethod
    def parse_obj(cls, obj: Any) -> LogHint:
        """A hint from text (`"key : type[option=1]"`, `"*key"`), a dict, or itself.

        Raises:
            InvalidArgumentError: if it is malformed.
        """
        if isinstance(obj, cls):
            return obj
        names = {item.name for item in fields(cls)}
        if isinstance(obj, dict) and set(obj) <= names and "*" not in str(obj.get("key", "")):
            hints.parse_log_hint(obj)
            return cls(**{name: value for name, value in obj.items() if value is not None})
        found = hints.parse_log_hint(obj)
        if found is None:
            raise InvalidArgumentError("a log hint must have a key", fix='LogHint(key="table")')
        given = obj.get("key") if isinstance(obj, dict) else obj
        counted = str(given).partition("*")[0].strip().isdigit()
        itemized: bool | int = found.levels if counted or found.levels == 0 else True
        return cls(
            key=found.key,
            itemized=itemized or False,
            artifact_type=found.artifact_type or None,
            packing_kwargs={**found.instructions},
            extra_data={**found.extra_data},
            metrics={**found.metrics},
        )

    model_validate = parse_obj


class LogHintKey:
    """The keys of a hint that is a dict."""

    KEY = "key"
    ARTIFACT_TYPE = "artifact_type"
    EXTRA_DATA = "extra_data"
    METRICS = "metrics"


class LogHintUtils:
    """Reads hints as dicts."""

    @staticmethod
    def parse_log_hint(log_hint: Any) -> dict[str, Any] | None:
        """A hint as a dict; None stays None.

        Raises:
            InvalidArgumentError: if it is malformed.
        """
        found = hints.parse_log_hint(log_hint)
        if found is None:
            return None
        if isinstance(log_hint, str):
            plain: dict[str, Any] = {LogHintKey.KEY: log_hint.partition(":")[0].strip()}
            if found.artifact_type:
                plain[LogHintKey.ARTIFACT_TYPE] = found.artifact_type
            return plain
        return dict(hints.plain_hint(log_hint))
