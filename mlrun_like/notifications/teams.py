"""The kind msteams: a card in a channel of Microsoft Teams, by an incoming webhook or workflow.

The card is an Adaptive Card (adaptivecards.io) of version 1.4, in the envelope that webhooks of
Teams take: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/
connectors-using
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.notifications.message import Message, rows_of
from mlrun_like.notifications.requests import send_json

__all__ = ["send_teams"]

_LARGEST = 24 * 1024
"""Bytes of a card; Teams refuses more than 28 KB with its envelope."""
_COLOURS = {
    "info": "accent", "low": "accent", "medium": "warning", "warning": "warning",
    "high": "attention", "error": "attention",
}  # fmt: skip


def send_teams(message: Message, params: Mapping[str, Any]) -> None:
    """Post a card to a channel.

    Params: `webhook` (by default the variable MSTEAMS_WEBHOOK), `title`, `link` (a page that the
    card's button opens) with `link_title`.
    """
    url = params.get("webhook") or environment("MSTEAMS_WEBHOOK")
    if not url:
        raise InvalidArgumentError(
            "it has no webhook",
            fix='secret_params={"webhook": ...}, or the variable MSTEAMS_WEBHOOK',
        )
    headers = {"Idempotency-Key": message.key} if message.key else {}
    send_json(str(url), _envelope(_card(message, params)), headers)


def _envelope(card: dict[str, Any]) -> dict[str, Any]:
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _card(message: Message, params: Mapping[str, Any]) -> dict[str, Any]:
    facts = [{"title": name, "value": _cut(value)} for name, value in message.facts[:30]]
    facts += [
        {"title": name, "value": _cut(f"{state} {uid[:8]} {results}")}
        for name, state, uid, results in rows_of(message.runs[:40])
    ]
    text = {"type": "TextBlock", "text": _cut(message.text, 4000), "wrap": True}
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "text": _cut(str(params.get("title") or f"[{message.severity}] {message.name}")),
                "weight": "bolder",
                "size": "medium",
                "color": _COLOURS.get(message.severity, "default"),
                "wrap": True,
            },
            text,
        ],
    }
    link = str(params.get("link") or "")
    if link.startswith(("http://", "https://")):
        title = str(params.get("link_title") or "Open")
        card["actions"] = [{"type": "Action.OpenUrl", "title": title, "url": link}]
    if facts:
        card["body"].append({"type": "FactSet", "facts": facts})
        while len(facts) > 1 and len(json.dumps(card)) > _LARGEST:
            facts.pop()
    return card


def _cut(text: str, most: int = 500) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
