"""What an ingestion finds out about its data: MLRun's options, with MLRun's numbers."""

from __future__ import annotations

__all__ = ["InferOptions"]


class InferOptions:
    """Bits to combine with `|`: what is inferred from the data.

    >>> InferOptions.default() == InferOptions.all() == 63
    True
    >>> InferOptions.get_common_options(InferOptions.all(), InferOptions.schema())
    7
    """

    Null = 0
    Entities = 1
    Features = 2
    Index = 4
    Stats = 8
    Histogram = 16
    Preview = 32

    @staticmethod
    def schema() -> int:
        """Entities, features and the index."""
        return InferOptions.Entities | InferOptions.Features | InferOptions.Index

    @staticmethod
    def all_stats() -> int:
        """Statistics, histograms and the preview."""
        return InferOptions.Stats | InferOptions.Histogram | InferOptions.Preview

    @staticmethod
    def all() -> int:
        """Schema and statistics."""
        return InferOptions.schema() | InferOptions.all_stats()

    @staticmethod
    def default() -> int:
        """What `ingest` does when nothing is said: all."""
        return InferOptions.all()

    @staticmethod
    def get_common_options(one: int, two: int) -> int:
        """The options that are in both."""
        return one & two
