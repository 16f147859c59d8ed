"""What an action is: a kind, its own words, and limits against loops and storms."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.names import normalize_name
from mlrun_like.specs.durations import parse_duration

__all__ = ["KINDS", "Action", "normal"]

KINDS: Mapping[str, tuple[str, ...]] = {
    "pipeline": (
        "workflow",
        "pipeline",
        "context",
        "arguments",
        "dataset",
        "window",
        "endpoint",
        "labelled",
        "where",
    ),
    "rollback": ("model", "alias", "function", "traffic"),
    "call": ("function", "handler", "url", "arguments", "headers", "timeout"),
}
"""The words that an action of each kind may have, besides those of all."""

_PLACES = ("process", "here")
_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Action:
    """One thing that an alert does.

    Args:
        kind: `pipeline`, `rollback` or `call`.
        name: Its name within the alert; by default made of what it does.
        cooldown: How long after it began it may not begin again, such as `"1h"`.
        limit: How often it may begin within `period`.
        period: See `limit`.
        options: The words of its kind.

    Raises:
        InvalidArgumentError: if a word is unknown, or a value cannot be used.

    >>> Action.of({"kind": "pipeline", "workflow": "retrain", "cooldown": "2h"}).name
    'pipeline-retrain'
    """

    kind: str
    name: str = ""
    cooldown: str = "1h"
    limit: int = 3
    period: str = "1d"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidArgumentError(
                f"an action of kind {self.kind!r:.60} is unknown.{nearest(str(self.kind), KINDS)}",
                fix=f"kinds: {', '.join(KINDS)}",
            )
        for word in self.options:
            if word not in KINDS[self.kind]:
                raise InvalidArgumentError(
                    f"an action of kind {self.kind!r} has no word {word!r:.60}."
                    f"{nearest(str(word), KINDS[self.kind])}",
                    fix=f"words: {', '.join((*KINDS[self.kind], *_SHARED))}",
                )
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or self.limit < 1:
            raise InvalidArgumentError(
                f"limit {self.limit!r:.40} of action {self.kind!r} is no whole number from 1",
                fix='"limit": 3, "period": "1d"',
            )
        for word in ("cooldown", "period"):
            self.seconds(word)
        self._check_options()
        object.__setattr__(self, "name", normal(self.name or self._called()))

    def _check_options(self) -> None:
        given = [word for word in _TARGETS[self.kind] if self.options.get(word)]
        if self.kind != "rollback" and len(given) != 1:
            raise InvalidArgumentError(
                f"an action of kind {self.kind!r} needs one of {', '.join(_TARGETS[self.kind])}; "
                f"given: {', '.join(given) or 'none'}",
                fix=_EXAMPLES[self.kind],
            )
        for word in ("arguments", "headers"):
            if not isinstance(self.options.get(word, {}), Mapping):
                raise InvalidArgumentError(
                    f"{word} of action {self.kind!r} must be a mapping, "
                    f"not {type(self.options[word]).__name__}",
                    fix=_EXAMPLES[self.kind],
                )
        place = self.options.get("where", "process")
        if place not in _PLACES:
            raise InvalidArgumentError(
                f"where={place!r:.40} is unknown", fix='"where": "process" or "here"'
            )
        for word in ("window", "timeout"):
            if word in self.options:
                parse_duration(self.options[word])

    def _called(self) -> str:
        for word in _TARGETS[self.kind]:
            if self.options.get(word):
                return f"{self.kind}-{self.options[word]}"
        return self.kind

    @classmethod
    def of(cls, given: Mapping[str, Any] | Action) -> Action:
        """An action from plain data.

        Raises:
            InvalidArgumentError: if it is no mapping with a kind, or cannot be used.
        """
        if isinstance(given, Action):
            return given
        if not isinstance(given, Mapping) or not isinstance(given.get("kind"), str):
            raise InvalidArgumentError(
                f"an action is a mapping with a kind, not {given!r:.80}", fix=_EXAMPLES["pipeline"]
            )
        own = {word: given[word] for word in _SHARED if word in given}
        options = {word: value for word, value in given.items() if word not in own}
        options.pop("kind", None)
        return cls(str(given["kind"]), **own, options=options)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `of` reads.

        >>> given = {"kind": "call", "url": "http://example.com/", "limit": 1}
        >>> Action.of(Action.of(given).to_dict()) == Action.of(given)
        True
        """
        found = asdict(self)
        return {**found.pop("options"), **found}

    def seconds(self, word: str) -> float:
        """One of its times, in seconds; infinite for `-1`."""
        given = getattr(self, word) if word in ("cooldown", "period") else self.options[word]
        found = parse_duration(given)
        if word == "period" and math.isinf(found):
            return found
        return found


_SHARED = ("name", "cooldown", "limit", "period")
_TARGETS = {
    "pipeline": ("workflow", "pipeline"),
    "rollback": ("model",),
    "call": ("function", "handler", "url"),
}
_EXAMPLES = {
    "pipeline": '{"kind": "pipeline", "workflow": "retrain", "dataset": "table"}',
    "rollback": '{"kind": "rollback", "model": "churn"}',
    "call": '{"kind": "call", "url": "https://example.com/hook"}',
}


def normal(text: str) -> str:
    """A text as part of a name: small letters, digits and dashes, at most 60.

    >>> normal("pipeline-Retrain: flow.py:train")
    'pipeline-retrain-flow-py-train'
    """
    return normalize_name(_NAME.sub("-", text.lower()).strip("-")[:60].strip("-") or "action")
