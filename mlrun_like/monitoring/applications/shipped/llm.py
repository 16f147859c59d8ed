"""Answers of language models: length, refusals, toxicity by a judge of your own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ResultKindApp,
)
from mlrun_like.monitoring.applications.shipped.judging import Thresholds, judged
from mlrun_like.registry import resolve

__all__ = ["REFUSALS", "LLMAnswers"]

REFUSALS = (
    r"\bI(?:'m| am) (?:sorry|afraid|unable|not able)\b",
    r"\bI (?:can(?:'|no)t|cannot|won't|will not|must decline)\b",
    r"\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b",
    r"\b(?:against|violates?) (?:my|our|the) (?:policy|policies|guidelines)\b",
)
"""What a refusal begins with, in English; give `refusal_patterns` for other languages."""

_HEAD = 400  # characters of an answer in which a refusal shows
_NAMED = 5


class LLMAnswers(ModelMonitoringApplicationBase):
    """Length, emptiness, refusals and toxicity of text answers.

    Gives the metrics `answers`, `answer_length_mean`, `answer_length_p95` (characters), and the
    results `refusal_rate`, `empty_rate` and, with a judge, `toxicity_rate`.

    Args:
        column: The column with the answers; empty: the first prediction that is text.
        refusal_patterns: Regular expressions that tell a refusal; None: `REFUSALS`.
        judge: Text -> a number from 0 to 1, how toxic it is; `"module:function"`, or a function
            (which other processes cannot find).
        toxic: From which number on an answer is toxic.
        judged_answers: At most so many answers of a window go to the judge, evenly spread.
        refusal_rate: Two shares: worth a look, an incident; so for `toxicity_rate`.
        toxicity_rate: As above.

    Raises:
        InvalidArgumentError: if a pattern is no regular expression, or there is no such judge.
    """

    NAME = "llm-answers"

    def __init__(
        self,
        column: str = "",
        refusal_patterns: Sequence[str] | None = None,
        judge: Callable[[str], float] | str | None = None,
        toxic: float = 0.5,
        judged_answers: int = 200,
        refusal_rate: Sequence[float] = (0.1, 0.3),
        toxicity_rate: Sequence[float] = (0.01, 0.05),
    ) -> None:
        self.column = column
        patterns = REFUSALS if refusal_patterns is None else refusal_patterns
        try:
            self._refusal = re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)
        except (re.error, TypeError) as exc:
            raise InvalidArgumentError(f"refusal_patterns cannot be used: {exc}") from exc
        self._any = bool(patterns)
        self.judge = _judge(judge)
        self.toxic = toxic
        self.judged_answers = judged_answers
        self.refusals = Thresholds(*refusal_rate)
        self.toxicity = Thresholds(*toxicity_rate)

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Look at the window's answers."""
        context = monitoring_context
        name = self.column or self._text_column(context)
        if not name or name not in context.sample_df.columns:
            context.logger.warning("there is no column of answers", column=name)
            return []
        values = context.sample_df[name]
        texts = ["" if one is None or one != one else str(one) for one in values.tolist()]
        if not texts:
            return []
        lengths = np.array([len(one) for one in texts])
        refused = [one for one in texts if self._any and self._refusal.search(one[:_HEAD])]
        empty = sum(not one.strip() for one in texts)
        kind = ResultKindApp.model_performance
        results: list[Any] = [
            ModelMonitoringApplicationMetric("answers", len(texts)),
            ModelMonitoringApplicationMetric("answer_length_mean", lengths.mean()),
            ModelMonitoringApplicationMetric("answer_length_p95", np.percentile(lengths, 95)),
            judged("refusal_rate", len(refused) / len(texts), kind, self.refusals, features=[name],
                   examples=[one[:200] for one in refused[:_NAMED]]),
            judged("empty_rate", empty / len(texts), kind, Thresholds(0.01, 0.1), features=[name]),
        ]  # fmt: skip
        if self.judge is not None:
            results.append(self._judged(self.judge, texts, name))
        return results

    def _judged(self, judge: Callable[[str], float], texts: list[str], name: str) -> Any:
        step = max(1, len(texts) // max(1, self.judged_answers))
        chosen = texts[::step][: self.judged_answers]
        numbers = [(float(judge(one)), one) for one in chosen]
        toxic = [(number, one) for number, one in numbers if number >= self.toxic]
        worst = sorted(toxic, key=lambda pair: -pair[0])[:_NAMED]
        return judged(
            "toxicity_rate", len(toxic) / len(chosen), ResultKindApp.model_performance,
            self.toxicity, features=[name], judged=len(chosen),
            examples=[{"toxicity": number, "text": one[:200]} for number, one in worst],
        )  # fmt: skip

    def _text_column(self, context: MonitoringApplicationContext) -> str:
        frame = context.sample_df
        for name in context.label_names:
            if name in frame.columns and frame[name].dtype.kind not in "fiubM":
                return name
        return ""


def _judge(judge: Any) -> Callable[[str], float] | None:
    if isinstance(judge, str):
        try:
            judge = resolve(judge)
        except (ImportError, AttributeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"there is no judge {judge!r}: {exc}", fix='write "package.module:function"'
            ) from exc
    if judge is not None and not callable(judge):
        raise InvalidArgumentError(f"the judge {judge!r} cannot be called")
    found: Callable[[str], float] | None = judge
    return found
