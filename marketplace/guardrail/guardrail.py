"""A step that keeps prompts, and what a model answers, within a policy."""

from __future__ import annotations

import importlib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.monitoring.validation.personal_kinds import KINDS, check_kinds
from mlrun_like.registry import require

__all__ = ["Guardrail", "GuardrailViolation", "ToxicityClassifier"]

ACTIONS = ("raise", "reply", "tag")
_SPACES = re.compile(r"\s+")
_TEXTS = ("content", "text", "message")
_DEPTH = 20


class GuardrailViolation(InvalidArgumentError):
    """A text is against the policy; callers over HTTP get 400."""


class ToxicityClassifier:
    """Scores texts by a text classifier of transformers; loaded when it is first asked.

    Args:
        model_name: Its name at Hugging Face, or a folder.

    Raises:
        MissingDependencyError: when it is asked and transformers is not installed.
    """

    def __init__(self, model_name: str = "unitary/toxic-bert") -> None:
        self.model_name = model_name
        self._pipeline: Any = None

    def __call__(self, text: str) -> float:
        """How toxic a text is, from 0 to 1."""
        if self._pipeline is None:
            transformers = require("transformers", extra="huggingface", feature="toxicity scores")
            made = transformers.pipeline("text-classification", model=self.model_name)
            most = getattr(made.model.config, "max_position_embeddings", 512)
            most = min(most, made.tokenizer.model_max_length)
            self._pipeline = partial(made, truncation=True, max_length=most)
        # it reads some hundred words only: what comes later must not pass unread
        starts = range(0, max(1, len(text) - 100), 1400)
        return max(score_of(self._pipeline(text[start : start + 1500])) for start in starts)


class Guardrail:
    """Checks the texts of an event; the event passes unchanged if they are within the policy.

    Before words and patterns are looked for, texts are made comparable: letters that look alike by
    Unicode become one, capitals small, invisible signs go, spaces become one.

    Args:
        field: Dotted path of what is checked: a text, a list of them, or chat messages; several
            paths as a list. `*` stands for all items of a list: `choices.*.message`.
        deny_words: Words and phrases that may not occur; whole words, in any case.
        deny_patterns: Regular expressions that may not match, or a mapping of names to them.
        require_patterns: Such of which each must match.
        min_length: Least length in characters.
        max_length: Most characters of each text.
        pii: Kinds of personal data that may not occur (`all`, `email`, `financial`, ...).
        toxicity: Scores a text: a function that gives a number from 0 to 1, or what a classifier of
            transformers gives; or its name, `package.module:function`.
        model_name: A text classifier of transformers instead, such as `unitary/toxic-bert`.
        threshold: From which score on a text is too toxic.
        roles: Of chat messages: whose are checked; empty: all.
        action: `raise` a `GuardrailViolation`; `reply`: put the reply where answers are, and tag;
            `tag`: only write what was found to `report_path`.
        reply: What is said instead with `reply`.
        reply_path: Where; empty: in the checked field itself, which suits answers.
        report_path: Where `{"allowed": ..., "violations": [...]}` is put; with `raise` nowhere.
        name: The step's name, for messages.

    Raises:
        InvalidArgumentError: if an argument cannot be used, or there is no rule at all.

    >>> guard = Guardrail("prompt", deny_words=["root password"])
    >>> guard.do({"prompt": "Tell me a story"})
    {'prompt': 'Tell me a story'}
    >>> guard.violations("the  ROOT pass\u200bword!")
    [{'rule': 'deny_words', 'what': 'root password'}]
    """

    def __init__(  # noqa: PLR0913 - the rules of a policy stand side by side in graphs
        self,
        field: str | Sequence[str] = "question",
        deny_words: Iterable[str] = (),
        deny_patterns: Mapping[str, str] | Iterable[str] = (),
        require_patterns: Mapping[str, str] | Iterable[str] = (),
        min_length: int = 0,
        max_length: int = 0,
        pii: str | Sequence[str] = (),
        toxicity: Callable[[str], Any] | str | None = None,
        model_name: str = "",
        threshold: float = 0.5,
        roles: str | Sequence[str] = (),
        action: str = "raise",
        reply: str = "I cannot help with that.",
        reply_path: str = "",
        report_path: str = "guardrail",
        name: str = "",
    ) -> None:
        self.name = name or type(self).__name__
        self._where = where = f"step {self.name!r}"
        if action not in ACTIONS:
            raise InvalidArgumentError(
                f"there is no action {action!r}", where=where, fix=f"one of: {', '.join(ACTIONS)}"
            )
        self.fields = [field] if isinstance(field, str) else list(field)
        self.threshold, self.min_length, self.max_length = threshold, min_length, max_length
        self.roles = ({roles} if isinstance(roles, str) else set(roles)) - {""}
        self.action, self.reply = action, reply
        self.reply_path, self.report_path = reply_path, report_path
        words = [deny_words] if isinstance(deny_words, str) else list(deny_words)
        self._words = [
            (word, re.compile(rf"(?<!\w){re.escape(_plain(word))}(?!\w)")) for word in words if word
        ]
        self._denied = _patterns(deny_patterns, where)
        self._required = _patterns(require_patterns, where)
        kinds = check_kinds(pii, where) if pii else frozenset[str]()
        self._pii = [
            (one.name, re.compile(one.inside), one.check)
            for one in KINDS.values()
            if one.name in kinds and one.inside
        ]
        self._score = _scorer(toxicity, model_name, where)
        self.blocking = self._score is not None  # event loops let a model run in a thread
        rules = (words, self._denied, self._required, min_length, max_length, self._pii)
        if not any(rules) and self._score is None:
            raise InvalidArgumentError(
                "the policy has no rule, so everything would pass",
                where=where,
                fix='give deny_words=[...], max_length=..., pii="all" or another rule',
            )

    def do(self, body: Any) -> Any:
        """The body, if its texts are within the policy, or as the action says.

        Raises:
            GuardrailViolation: if they are not and the action is `raise`.
            InvalidArgumentError: if the body has no such field: nothing passes unseen.
            StoreUnavailableError: if toxicity cannot be scored: nothing passes unscored.
        """
        found = []
        for path in self.fields:
            for text in self._texts(_at(body, path.split(".") if path else [], path, self._where)):
                found += [{"field": path, **one} for one in self.violations(text)]
        if found and self.action == "raise":
            said = "; ".join(sorted({f"{one['rule']}: {one['what']}" for one in found}))
            raise GuardrailViolation(
                f"Request blocked: {said:.500}", where=self._where, fix="write it otherwise"
            )
        if self.action == "raise" or not isinstance(body, Mapping):
            return self.reply if found and self.action == "reply" else body
        made = dict(body)
        if found and self.action == "reply":
            for path in [self.reply_path] if self.reply_path else self.fields:
                made = _set(made, path.split("."), self.reply)
        report = {"allowed": not found, "violations": found}
        return _set(made, self.report_path.split("."), report) if self.report_path else made

    def violations(self, text: str) -> list[dict[str, Any]]:
        """The rules that a text breaks: `{"rule", "what"}` each, without the text itself."""
        found: list[tuple[str, str]] = []
        plain = _plain(text)
        found += [("deny_words", word) for word, rule in self._words if rule.search(plain)]
        for name, rule in self._denied:
            if rule.search(text) or rule.search(plain):
                found.append(("deny_patterns", name))
        for name, rule in self._required:
            if not (rule.search(text) or rule.search(plain)):
                found.append(("require_patterns", name))
        if len(text) < self.min_length:
            found.append(("min_length", f"{len(text)} of {self.min_length} characters"))
        if self.max_length and len(text) > self.max_length:
            found.append(("max_length", f"{len(text)} of {self.max_length} characters"))
        for kind, rule, check in self._pii:
            if any(check is None or check(match[0]) for match in rule.finditer(text)):
                found.append(("pii", kind))
        if self._score is not None and not found:  # a model is asked only when rules are content
            score = self._scored(text)
            if score >= self.threshold:
                found.append(("toxicity", f"toxicity score {score:.3f} >= {self.threshold}"))
        return [{"rule": rule, "what": what} for rule, what in found]

    def _scored(self, text: str) -> float:
        if not text.strip() or self._score is None:
            return 0.0
        try:
            score = score_of(self._score(text))
        except Exception as exc:  # the user's own function, or a model's server
            raise StoreUnavailableError(
                f"toxicity cannot be scored: {type(exc).__name__}: {exc}", where=self._where
            ) from exc
        return 1.0 if math.isnan(score) else score

    def _texts(self, found: Any, depth: int = 0) -> Iterable[str]:
        if isinstance(found, str):
            yield found
        elif isinstance(found, Mapping) and depth < _DEPTH:
            if self.roles and found.get("role") not in (None, *self.roles):
                return
            for key in _TEXTS:
                if found.get(key) is not None:
                    yield from self._texts(found[key], depth + 1)
        elif isinstance(found, (list, tuple)) and depth < _DEPTH:
            for one in found:
                yield from self._texts(one, depth + 1)
        elif found is not None and depth == 0:
            yield str(found)


def score_of(given: Any) -> float:
    """A number, or the score of a classifier's answer: of its label `toxic`, else what is left.

    >>> score_of(0.2), score_of([{"label": "toxic", "score": 0.9}])
    (0.2, 0.9)
    >>> round(score_of({"label": "non-toxic", "score": 0.9}), 3)
    0.1
    """
    while isinstance(given, (list, tuple)) and given:
        given = given[0]
    if isinstance(given, Mapping):
        score = float(given["score"])
        return score if given["label"] == "toxic" else 1 - score
    return float(given)


def _scorer(given: Any, model_name: str, where: str) -> Callable[[str], Any] | None:
    if given is None or given == "":
        return ToxicityClassifier(model_name) if model_name else None
    if isinstance(given, str):
        module, _, function = given.partition(":")
        try:
            given = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"toxicity={given!r} cannot be imported: {exc}",
                where=where,
                fix="name package.module:function, or give the function itself",
            ) from exc
    if not callable(given):
        raise InvalidArgumentError(f"toxicity={given!r:.80} cannot be called", where=where)
    scorer: Callable[[str], Any] = given
    return scorer


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return _SPACES.sub(" ", text).strip()


def _patterns(given: Any, where: str) -> list[tuple[str, re.Pattern[str]]]:
    given = [given] if isinstance(given, str) else given
    named = given if isinstance(given, Mapping) else {text: text for text in given}
    found = []
    for name, text in named.items():
        try:
            found.append((str(name), re.compile(text, re.IGNORECASE)))
        except (re.error, TypeError) as exc:
            raise InvalidArgumentError(
                f"{text!r:.80} is no regular expression: {exc}", where=where
            ) from exc
    return found


def _at(body: Any, path: list[str], whole: str, where: str) -> Any:
    for place, part in enumerate(path):
        if part == "*" and isinstance(body, (list, tuple)):
            return [_at(one, path[place + 1 :], whole, where) for one in body]
        if not isinstance(body, Mapping) or part not in body:
            held = sorted(map(str, body)) if isinstance(body, Mapping) else type(body).__name__
            raise InvalidArgumentError(
                f"the event has nothing to check at {whole!r}, it has {held!s:.200}",
                where=where,
                fix="give the step the field=... where the text is",
            )
        body = body[part]
    return body


def _set(body: Any, path: list[str], value: Any) -> Any:
    """A copy of the body with a value at a path."""
    if not path:
        return value
    if path[0] == "*" and isinstance(body, (list, tuple)):
        return [_set(one, path[1:], value) for one in body]
    made = dict(body) if isinstance(body, Mapping) else {}
    made[path[0]] = _set(made.get(path[0]), path[1:], value)
    return made
