"""The features of an endpoint: a table of distances, histograms before and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.drawing.charts import histogram
from mlrun_like.drawing.page import Html, badge, element, number, table
from mlrun_like.types import Document

__all__ = ["DETECTED", "POSSIBLE", "drift_verdict", "feature_picture", "feature_table"]

POSSIBLE, DETECTED = 0.5, 0.7
"""MLRun's thresholds of the mean of tvd and hellinger."""


def feature_table(features: Sequence[Document]) -> Html:
    """Distances and means of features."""
    rows = [
        [
            one["name"],
            *(number(one[key], 3) for key in ("tvd", "hellinger", "kld", "score")),
            number(one["expected"].get("mean")),
            number(one["actual"].get("mean")),
            badge(*drift_verdict(one["score"])),
        ]
        for one in features
    ]
    headers = ("feature", "tvd", "hellinger", "kld", "score", "mean before", "mean now", "status")
    return table(headers, rows, headers[1:-1], caption="features")


def drift_verdict(score: float | None) -> tuple[str, str]:
    """A score in words, and its level."""
    if score is None:
        return "not judged", "none"
    if score >= DETECTED:
        return "drift detected", "bad"
    return ("possible drift", "warn") if score >= POSSIBLE else ("no drift", "ok")


def feature_picture(one: Document) -> Html:
    """A histogram: grey as in training, coloured as it is now."""
    words, level = drift_verdict(one["score"])
    heading = element("h3", one["name"], " ", element("small", words))
    before, now = one["expected_hist"], one["actual_hist"]
    if before and now and before["edges"] == now["edges"]:
        beyond = any(side[key] for side in (before, now) for key in ("below", "above"))
        shares = [_counts(side, beyond) for side in (before, now)]
        drawn = histogram(before["edges"], *shares, title=one["name"], level=level)
        return element("div", heading, drawn)
    pictures = [
        histogram(side["edges"], side["counts"], title=f"{one['name']}, {word}", level=tone)
        for side, word, tone in ((before, "training", "none"), (now, "now", level))
        if side
    ]
    return element("div", heading, *pictures)


def _counts(side: Mapping[str, Any], beyond: bool) -> list[float]:
    return [side["below"], *side["counts"], side["above"]] if beyond else list(side["counts"])
