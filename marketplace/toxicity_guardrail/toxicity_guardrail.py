"""A step that refuses requests which a text classifier finds toxic, before they reach a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["ToxicityGuardrailStep"]

_OF_GRAPHS = ("input_path", "result_path", "full_event", "graph_step")
_WINDOW, _OVERLAP = 1500, 100  # characters


class ToxicityGuardrailStep:
    """Lets an event pass unchanged unless its text is toxic; then it fails with a ValueError.

    A classifier's label `toxic` gives the score itself; any other label one minus its score. Long
    texts are read in parts, of which the most toxic counts.

    Args:
        context: The graph's.
        name: The step's name, for messages.
        threshold: From which score on a request is refused.
        model_name: A text classifier: its name at Hugging Face, or a folder.
        field: The field with the text; an event without it passes.
        classifier: Called with a text instead of the model; gives what a pipeline of transformers
            gives.
        options: More arguments of transformers' `pipeline`, such as `device` or `revision`.

    Raises:
        InvalidArgumentError: if the threshold is no number from 0 to 1.

    >>> step = ToxicityGuardrailStep(classifier=lambda text: [{"label": "toxic", "score": 0.1}])
    >>> step.do({"question": "What is a tree?"})
    {'question': 'What is a tree?'}
    """

    blocking = True  # event loops let it run in a thread

    def __init__(
        self,
        context: Any = None,
        name: str | None = None,
        threshold: float = 0.5,
        model_name: str = "unitary/toxic-bert",
        field: str = "question",
        classifier: Callable[[str], Any] | None = None,
        **options: Any,
    ) -> None:
        self.name = name or type(self).__name__
        if not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
            raise InvalidArgumentError(
                f"threshold={threshold!r:.60} is no number from 0 to 1", where=f"step {self.name!r}"
            )
        self.threshold, self.model_name, self.field = threshold, model_name, field
        self._options = {k: v for k, v in options.items() if k not in _OF_GRAPHS}
        self._classifier = classifier

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Load the model, so that a mistake shows before the first request.

        Raises:
            MissingDependencyError: if transformers is not installed.
        """
        if self._classifier is None:
            transformers = require(
                "transformers", extra="huggingface", feature="the step toxicity_guardrail"
            )
            found = transformers.pipeline(
                "text-classification", model=self.model_name, **self._options
            )
            most = getattr(found.model.config, "max_position_embeddings", 512)
            most = min(most, found.tokenizer.model_max_length)
            self._classifier = partial(found, truncation=True, max_length=most)

    def do(self, event: Any) -> Any:
        """The event, if it is not toxic.

        Raises:
            InvalidArgumentError: if it is.
        """
        text = event.get(self.field, "") if isinstance(event, Mapping) else event
        if text is None or text == "":
            return event
        if self._classifier is None:
            self.post_init()
        score = self._score(str(text))
        if not score < self.threshold:  # also when it is not a number
            raise InvalidArgumentError(
                f"Request blocked: toxicity score {score:.3f} >= {self.threshold}",
                where=f"step {self.name!r}",
                fix="write it otherwise",
            )
        return event

    def _score(self, text: str) -> float:
        # a classifier reads some hundred words only: what comes later must not pass unread
        starts = range(0, max(1, len(text) - _OVERLAP), _WINDOW - _OVERLAP)
        scores = [self._score_of(text[start : start + _WINDOW]) for start in starts]
        return math.nan if any(map(math.isnan, scores)) else max(scores)

    def _score_of(self, text: str) -> float:
        found = self._classifier(text) if self._classifier is not None else None
        while isinstance(found, (list, tuple)) and found:
            found = found[0]
        if not isinstance(found, Mapping) or not {"label", "score"} <= set(found):
            return math.nan
        score = float(found["score"])
        return score if found["label"] == "toxic" else 1 - score
