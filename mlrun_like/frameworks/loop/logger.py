"""LoopLogger: results of batches and epochs become a run's series, results and charts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.errors import MissingDependencyError
from mlrun_like.frameworks.core.charts import Line, Lines, chart
from mlrun_like.frameworks.loop.tensorboard import TensorboardWriter
from mlrun_like.runs.context import MLClientCtx

__all__ = ["LoopLogger", "key_of"]


def key_of(name: str) -> str:
    """A metric's name as a key: other characters become `_`.

    >>> key_of("eval/f1 score")
    'eval_f1_score'
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in str(name))
    return kept.strip("-_.") or "metric"


class LoopLogger:
    """Collects what a training loop measures, with MLRun's names.

    A result `training_<metric>`, `validation_<metric>` or `evaluation_<metric>` is the mean of the
    last epoch; its series in the run has one point per epoch. At the end, `<loop>_<metric>.html`
    shows the batches, `<metric>_summary.html` the epochs, and `<parameter>_values.html` a
    parameter that changes.

    Args:
        context: The run.
        evaluation: The model is only tested.
        writer: Also writes for TensorBoard.
    """

    def __init__(
        self,
        context: MLClientCtx,
        evaluation: bool = False,
        writer: TensorboardWriter | None = None,
    ) -> None:
        self.context, self.evaluation, self.writer = context, evaluation, writer
        self.active = context.is_logging_worker()
        self.epoch = 0
        self.artifacts: dict[str, Artifact] = {}
        self._batches: dict[str, list[float]] = {}
        self._ends: dict[str, list[int]] = {}
        self._epochs: dict[str, dict[int, float]] = {}
        self._changing: dict[str, list[float]] = {}
        self._steps: dict[str, int] = {}

    def log_parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters as results (MLRun's way): numbers, switches and short texts."""
        for name, value in values.items():
            short = isinstance(value, (bool, int, float)) or len(str(value)) < 30
            if self.active and value is not None and short:
                self.context.log_result(key_of(name), value)
                if self.writer is not None:
                    self.writer.parameter(name, value)

    def log_batch(self, loop: str, metric: str, value: float) -> None:
        """Add the value of one batch.

        Args:
            loop: `training`, `validation` or `evaluation`.
            metric: The metric's name.
            value: Its value.
        """
        self._batches.setdefault(f"{loop}_{key_of(metric)}", []).append(float(value))

    def log_changing(self, name: str, value: float) -> None:
        """Add the present value of a parameter that changes, such as a learning rate."""
        name, value = key_of(name), float(value)
        self._changing.setdefault(name, []).append(value)
        if self.active:
            self.context.log_metric(name, value, len(self._changing[name]) - 1)
            if self.writer is not None:
                self.writer.scalar(name, value, self.epoch)

    def log_value(self, loop: str, metric: str, value: float) -> None:
        """Record a metric's value of this epoch, at once."""
        key = f"{loop}_{key_of(metric)}"
        self._epochs.setdefault(key, {})[self.epoch] = float(value)
        if self.active:
            self.context.log_metric(key, float(value), self.epoch)
            if self.writer is not None:
                self.writer.scalar(f"{metric}/{loop}", float(value), self.epoch)

    def end_loop(self, loop: str, record: bool = True) -> dict[str, float]:
        """End a loop of this epoch: its metrics are the means of its batches.

        Args:
            loop: The loop.
            record: Record the means; False: somebody else tells them.

        Returns:
            The means by metric.
        """
        means = {}
        for key, values in self._batches.items():
            if not key.startswith(f"{loop}_"):
                continue
            ends = self._ends.setdefault(key, [])
            fresh = values[ends[-1] if ends else 0 :]
            ends.append(len(values))
            if fresh:
                name = key[len(loop) + 1 :]
                means[name] = math.fsum(fresh) / len(fresh)
                if record:
                    self.log_value(loop, name, means[name])
        return means

    def end_epoch(self) -> None:
        """The next values belong to the next epoch."""
        self.epoch += 1
        if self.active:
            self.context.commit()

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric, as recorded with the model."""
        return {key: values[max(values)] for key, values in self._epochs.items()}

    def end(self) -> dict[str, Artifact]:
        """Draw the charts; returns them by name."""
        if self.active:
            try:
                self._charts()
            except MissingDependencyError as exc:
                self.context.logger.warning(str(exc))
            self.context.commit()
        if self.writer is not None:
            self.writer.close()
        return self.artifacts

    def _charts(self) -> None:
        for key, values in self._batches.items():
            loop, _, metric = key.partition("_")
            title = f"{loop} {metric} results"
            marks = [float(end) for end in self._ends.get(key, ())][:-1]
            self._log(key, Lines({metric: Line([], values)}, title, "Batches", "Results", marks))
        if self.evaluation:
            return
        for metric in dict.fromkeys(key.partition("_")[2] for key in self._epochs):
            lines = {}
            for loop in ("training", "validation"):
                found = self._epochs.get(f"{loop}_{metric}")
                if found:
                    places = [float(epoch + 1) for epoch in found]
                    lines[loop] = Line(places, list(found.values()), dots=True)
            if lines:
                drawing = Lines(lines, f"{metric} summary", "Epochs", "Results")
                self._log(f"{metric}_summary", drawing)
        for name, values in self._changing.items():
            lines = {name: Line([], values, dots=True)}
            self._log(f"{name}_values", Lines(lines, name, "Epochs", "Values"))

    def _log(self, name: str, drawing: Lines) -> None:
        self.artifacts[name] = self.context.log_artifact(chart(f"{name}.html", drawing))
