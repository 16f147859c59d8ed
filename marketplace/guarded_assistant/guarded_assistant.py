"""A graph around a model that answers questions: an example of the catalogue's steps together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mlrun_like as ml

__all__ = ["build"]

INJECTIONS = {
    "injection": r"(ignore|forget|disregard) (all |any )?(previous|prior|earlier|above)",
    "system prompt": r"(show|print|reveal|repeat) .{0,20}system prompt",
}


def build(
    answer: Any,
    users: Any,
    name: str = "guarded-assistant",
    fill: Mapping[str, Any] | None = None,
    deny_words: Sequence[str] = (),
    toxicity: Any = None,
    max_length: int = 2000,
    withheld: str = "(withheld)",
) -> ml.Function[..., Any]:
    """A serving function: schema, guardrail, redaction, enrichment, the model, guardrail.

    Requests are `{"user": ..., "question": ...}`. The model gets the question without personal
    data and what is known of the user, and gives `{"answer": ...}`.

    Args:
        answer: The model: a function of the body, or the name of a step's class.
        users: What is known of users: a source as `hub://enrichment` takes it.
        name: The function's name.
        fill: What stands for what is not known of a user.
        deny_words: What no question may hold, besides attempts to override the model's orders.
        toxicity: Scores questions; see `hub://guardrail`.
        max_length: Most characters of a question.
        withheld: What is said instead of an answer with personal data.

    >>> fn = build(lambda body: {"answer": body["question"]}, {"ann": {"plan": "plus"}})
    >>> fn.kind
    'serving'
    """
    fn: Any = ml.new_function(name, kind="serving")
    model = {"handler": answer} if callable(answer) else {"class_name": answer}
    graph = fn.set_topology("flow", engine="async")
    graph.to(
        "hub://verify_schema", "schema", schema={"user": "str", "question": "str"}
    ).to(
        "hub://guardrail", "prompt", field="question", min_length=1, max_length=max_length,
        deny_words=list(deny_words), deny_patterns=INJECTIONS, toxicity=toxicity,
    ).to(
        "hub://pii_redaction", "redact", mode="replace", fields="question"
    ).to(
        "hub://enrichment", "enrich", source=users, key="user", into="known", fill=fill or {},
        on_error="fill",
    ).to(
        name="model", **model
    ).to(
        "hub://guardrail", "reply", field="answer", pii="all", action="reply", reply=withheld,
        report_path="",
    ).respond()  # fmt: skip
    made: ml.Function[..., Any] = fn
    return made
