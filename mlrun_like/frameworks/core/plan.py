"""A plan: one artifact to make beside a model, and what is known when it is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy

from mlrun_like.artifacts.artifact import Artifact, DatasetArtifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.data import joined, labels_of

__all__ = ["DatasetPlan", "Facts", "Plan"]


@dataclass
class Facts:
    """What is known when a plan is made.

    Args:
        model: The trained model.
        x: Features.
        y: True labels.
        predictions: Predicted labels.
        probabilities: What `predict_proba` gave.
        y_columns: Names of the label columns.
    """

    model: Any
    x: Any = None
    y: Any = None
    predictions: Any = None
    probabilities: Any = None
    y_columns: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[Any]:
        """The labels, in the order of the probabilities' columns."""
        known = getattr(self.model, "classes_", None)
        if isinstance(known, numpy.ndarray):
            return list(known.tolist())
        return list(numpy.unique(labels_of(self.y)).tolist())


class Plan(ABC):
    """An artifact to make.

    Args:
        options: Passed on to the function that computes it.
    """

    stage: ClassVar[str] = "predict"
    """When it can be made: after `fit`, or after the test set was predicted (`predict`)."""
    need_probabilities: ClassVar[bool] = False
    key: str = ""

    def __init__(self, **options: Any) -> None:
        self.options = {name: value for name, value in options.items() if value is not None}

    @abstractmethod
    def make(self, facts: Facts, key: str) -> Artifact | None:
        """The artifact, or None if this model has none."""


class DatasetPlan(Plan):
    """The rows that a model was tested with (or trained on), features and labels.

    Args:
        purpose: `train`, `validation`, `test` or `other`.
        name: The artifact's key; by default `test_set` and alike.
        preview: Rows in the preview; None: the usual number.
        stats: Compute statistics.
        fmt: The file's format.
    """

    def __init__(
        self,
        purpose: str = "other",
        name: str | None = None,
        preview: int | None = None,
        stats: bool = False,
        fmt: str = "parquet",
    ) -> None:
        super().__init__()
        purpose = getattr(purpose, "value", purpose)
        if purpose not in ("train", "validation", "test", "other"):
            raise InvalidArgumentError(
                f"purpose {purpose!r} is not one of: train, validation, test, other"
            )
        self.purpose = purpose
        self.key = name or ("dataset" if purpose == "other" else f"{purpose}_set")
        self.preview, self.stats, self.format = preview, stats, fmt

    def make(self, facts: Facts, key: str) -> Artifact | None:
        """The rows as a data set."""
        frame, names = joined(facts.x, facts.y, facts.y_columns)
        artifact = DatasetArtifact(
            key,
            frame,
            preview=self.preview,
            format=self.format,
            stats=self.stats,
            label_column=names[0] if names else None,
        )
        artifact.metadata.labels["Purpose"] = self.purpose
        return artifact
