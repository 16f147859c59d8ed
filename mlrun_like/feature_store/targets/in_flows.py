"""A target as a step of a flow."""

from __future__ import annotations

from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError

__all__ = ["InFlows"]


class InFlows:
    """The part of a target that flows know."""

    kind: ClassVar[str] = ""
    name: str

    def graph_step(self) -> tuple[str, dict[str, Any]]:
        """The class of the flow's step that writes events here, and its arguments."""
        raise InvalidArgumentError(
            f"a target of kind {self.kind!r} is no step of a flow",
            where=f"target {self.name!r}",
            fix="feature_set.ingest(source, targets=[...])",
        )

    def add_writer_step(
        self,
        graph: Any,
        after: str | None,
        features: Any = None,
        key_columns: Any = None,
        timestamp_key: str | None = None,
        featureset_status: Any = None,
    ) -> Any:
        """Add a step to a flow that writes events here.

        Args:
            graph: The flow.
            after: The step whose events are written; None: the last one.
            features: The columns; None: what events hold.
            key_columns: The entities.
            timestamp_key: The column of the event time.
            featureset_status: MLRun's argument; nothing is written into it.
        """
        name, options = self.graph_step()
        columns = [*(key_columns or ()), *(getattr(features, "keys", list)() or ())]
        return graph.add_step(
            name=self.name,
            after=after,
            graph_shape="cylinder",
            class_name=name,
            columns=columns if features else None,
            **options,
        )
