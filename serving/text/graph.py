"""A text pipeline: clean the text, look at it in two ways at once, give one answer.

mlrun-like serve serving/text/graph.py:graph

         ┌─> sentiment ─┐
clean ──┤               ├─> merge ─> report
         └─> keywords ──┘
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving import flow

_GOOD = {"friendly", "glad", "good", "great", "helpful", "love", "nice", "thanks"}
_BAD = {"bad", "broken", "hate", "late", "never", "poor", "slow", "terrible", "worst"}
_COMMON = {"again", "and", "are", "for", "not", "the", "they", "this", "was", "with", "you"}


def clean(body: dict[str, Any]) -> list[str]:
    """`{"text": ...}` as lower-case words."""
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgumentError("there is no text", fix='send {"text": "what they wrote"}')
    return re.findall(r"[a-z']+", text.lower())


def sentiment(words: list[str]) -> dict[str, Any]:
    """How friendly the words are, from -1 to 1."""
    good, bad = sum(word in _GOOD for word in words), sum(word in _BAD for word in words)
    score = (good - bad) / (good + bad) if good + bad else 0.0
    return {"score": score, "mood": "good" if score > 0 else "bad" if score < 0 else "neutral"}


def keywords(words: list[str], most: int = 3) -> dict[str, Any]:
    """The words that come most often."""
    found = Counter(word for word in words if len(word) > 2 and word not in _COMMON)
    return {"keywords": [word for word, _ in found.most_common(most)]}


def report(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the branches found, as one dictionary."""
    return {key: value for part in parts for key, value in part.items()}


graph = flow()
_words = graph.to(clean)
_words.to(sentiment)
_words.to(keywords, most=3)
graph.add_step("Merge", "merge", after=["sentiment", "keywords"]).to(report).respond()
