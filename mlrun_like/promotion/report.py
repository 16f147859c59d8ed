"""What is kept of a promotion: the answers of all gates, as a table and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.results import to_result
from mlrun_like.errors import StateError
from mlrun_like.names import new_uid
from mlrun_like.promotion.gates import GateResult
from mlrun_like.runs.context import current_context
from mlrun_like.tracking.abilities import ModelVersion
from mlrun_like.tracking.base import Store

__all__ = ["Promotion", "log_report"]


@dataclass(frozen=True)
class Promotion:
    """What became of an attempt to promote a model.

    Args:
        version: The candidate.
        to: The alias or stage it was meant for.
        accepted: Whether every gate let it pass.
        results: The answers of all gates, in their order.
        before: The version that held the alias until then, if any did.
        report: URI of the report's JSON; empty if nothing was recorded.
    """

    version: ModelVersion
    to: str
    accepted: bool
    results: tuple[GateResult, ...] = ()
    before: ModelVersion | None = None
    report: str = ""

    @property
    def failed(self) -> list[GateResult]:
        """The gates that refused it."""
        return [result for result in self.results if not result.passed]

    def check(self) -> Promotion:
        """Itself, if the model was accepted.

        Raises:
            StateError: naming every gate that refused it, and by how much.
        """
        if self.accepted:
            return self
        raise StateError(
            f"{self._name()} was rejected for {self.to!r}: "
            + "; ".join(f"[{one.gate}] {one.message}" for one in self.failed),
            fix="the report has all gates: " + (self.report or "str(promotion)"),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; numbers that JSON does not know are None."""
        return {
            "model": f"{self.version.project}/{self.version.key}",
            "version": self.version.number,
            "to": self.to,
            "accepted": self.accepted,
            "before": self.before.number if self.before else None,
            "gates": [_plain(asdict(result)) for result in self.results],
        }

    def frame(self) -> pd.DataFrame:
        """The answers as a table, one row a gate."""
        columns = ["gate", "passed", "value", "limit", "gap", "message"]
        rows = [[getattr(result, name) for name in columns] for result in self.results]
        return pd.DataFrame(rows, columns=columns)

    def _name(self) -> str:
        return f"{self.version.project}/{self.version.key} version {self.version.number}"

    def __str__(self) -> str:
        verb = "accepted" if self.accepted else "rejected"
        lines = [f"{self._name()} {verb} for {self.to!r}"]
        for result in self.results:
            mark = "passed" if result.passed else "FAILED"
            lines.append(f"  {mark}  {result.gate}: {result.message}")
        if not self.results:
            lines.append("  no gates were asked")
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return to_result(value)


def log_report(promotion: Promotion, store: Store) -> str:
    """Log a promotion's report, with the current run if there is one; the URI of its JSON."""
    version = promotion.version
    context = current_context()
    if context is not None and context.store is store:
        log: Any = context
    else:
        producer = Producer("project", version.project, version.project, version.project, new_uid())
        log = ArtifactManager(store, producer)
    names = {"promotion_gates": promotion.frame(), "promotion_report": promotion.to_dict()}
    uri = ""
    for name, body in names.items():
        suffix = "json" if isinstance(body, dict) else "csv"
        made = log.log_artifact(
            name,
            body=body,
            format=suffix,
            db_key=f"{version.key}_{name}"[-255:].lstrip("-_."),
            labels={"model-version": version.number},
        )
        uri = made.uri
    return uri
