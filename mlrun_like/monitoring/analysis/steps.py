"""Analyses as functions: runs and steps of pipelines that log a page, numbers and results.

@pipeline
def release(data: str):
    model = train(data=data)
    slices_job(dataset=data, label="y", model=model.outputs["model"], options={"gap": 0.1})
    fairness_job(dataset=data, label="y", model=..., columns=["gender"],
                 limits={"disparate_impact": 0.8})

Artifacts of each: `<analysis>_page` (HTML) and `<analysis>_report` (JSON). With `must` (the
default) a missed limit is the step's failure, after both are logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.data import DataItem
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.functions.decorators import function
from mlrun_like.monitoring.analysis.comparison import compare_models
from mlrun_like.monitoring.analysis.decay import analyse_decay, decay_of_results, window_quality
from mlrun_like.monitoring.analysis.fairness import analyse_fairness
from mlrun_like.monitoring.analysis.report import Report
from mlrun_like.monitoring.analysis.rows import Rows, read_table, rows_of
from mlrun_like.monitoring.analysis.slices import SliceLimits, analyse_slices
from mlrun_like.promotion.comparison import CompareOptions
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.statistics.conditions import column_of
from mlrun_like.statistics.slice_search import SearchOptions

__all__ = ["compare_job", "decay_job", "fairness_job", "slices_job"]

Given = Any

_ROWS = ("predicted", "scores", "positive")
_SLICES = ("metric", "by", "columns", "bins", "lower")
_LIMITS = ("least", "most", "gap")
_SEARCH = ("depth", "rows", "most_slices", "alpha", "confidence")
_FAIRNESS = ("measures", "intersections", "least", "confidence")
_COMPARE = ("confidence", "gain", "lower", "method", "times", "seed")
_DECAY = ("time", "value", "window", "metric", "lower", "confidence", "least", "application")


def _checked(options: Mapping[str, Any] | None, *known: tuple[str, ...]) -> dict[str, Any]:
    names = [name for group in known for name in group]
    for name in options or {}:
        if name not in names:
            raise InvalidArgumentError(
                f"there is no option {name!r:.60}.{nearest(str(name), names)}",
                fix=f"options: {', '.join(names)}",
            )
    return dict(options or {})


def _taken(options: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if options.get(name) is not None}


def _rows(
    context: MLClientCtx, dataset: Given, label: str, model: Given, options: Mapping[str, Any]
) -> Rows:
    given = _taken(options, _ROWS)
    return rows_of(dataset, label, **given, model=model or None, store=context.store)


def _done(context: MLClientCtx, report: Report, key: str, must: bool) -> None:
    report.log(context, key)
    if must:
        report.check()


@function(name="analyse-slices")
def slices_job(
    context: MLClientCtx,
    dataset: Given,
    label: str,
    model: Given = "",
    options: dict[str, Any] | None = None,
    must: bool = True,
) -> None:
    """Slices of a data set; see `analyse_slices`.

    Args:
        context: The run.
        dataset: Rows with label and predictions, or with the model's features.
        label: The label's column.
        model: A logged model's URI; else `options` has `predicted` or `scores`, columns.
        options: `metric`, `by`, `columns`, `bins`, `lower`; limits `least`, `most`, `gap`; search
            `depth`, `rows`, `most_slices`, `alpha`, `confidence`; `predicted`, `scores`,
            `positive`.
        must: Whether a missed limit is a failure.

    Raises:
        StateError: with `must`, if a limit is missed.
    """
    chosen = _checked(options, _ROWS, _SLICES, _LIMITS, _SEARCH)
    search = _taken(chosen, _SEARCH)
    if "most_slices" in search:
        search["most"] = search.pop("most_slices")
    if chosen.get("gap") is not None:
        search["least_gap"] = 0.0
    by = [tuple(one) if isinstance(one, list) else one for one in _listed(chosen.pop("by", None))]
    report = analyse_slices(
        _rows(context, dataset, label, model, chosen),
        **_taken(chosen, _SLICES),
        by=by,
        limits=SliceLimits(**_taken(chosen, _LIMITS)),
        search=SearchOptions(**search),
    )
    _done(context, report, "slices", must)


@function(name="analyse-fairness")
def fairness_job(
    context: MLClientCtx,
    dataset: Given,
    label: str,
    columns: Any,
    model: Given = "",
    limits: dict[str, float] | None = None,
    options: dict[str, Any] | None = None,
    must: bool = True,
) -> None:
    """Fairness between groups; see `analyse_fairness`.

    Args:
        context: The run.
        dataset: Rows with label and predictions, or with the model's features.
        label: The label's column.
        columns: The sensitive columns.
        model: A logged model's URI; else `options` has `predicted`, a column.
        limits: Measure -> limit.
        options: `measures`, `intersections`, `least`, `confidence`, `predicted`, `scores`,
            `positive`.
        must: Whether a missed limit is a failure.

    Raises:
        StateError: with `must`, if a limit is missed.
    """
    chosen = _checked(options, _ROWS, _FAIRNESS)
    rows = _rows(context, dataset, label, model, chosen)
    report = analyse_fairness(rows, _listed(columns), limits=limits, **_taken(chosen, _FAIRNESS))
    _done(context, report, "fairness", must)


@function(name="compare-models")
def compare_job(
    context: MLClientCtx,
    dataset: Given,
    label: str,
    first: Given,
    second: Given,
    metrics: Any = None,
    options: dict[str, Any] | None = None,
    must: str = "",
) -> None:
    """Two models on the same rows; see `compare_models`.

    Args:
        context: The run.
        dataset: Rows with label and both predictions, or with the models' features.
        label: The label's column.
        first: The new model: a `store://` URI, or the column of its predictions.
        second: The old model, likewise.
        metrics: The first one makes the verdict.
        options: `confidence`, `gain`, `lower`, `method`, `times`, `seed`, `positive`; and
            `first_scores`, `second_scores`: columns of scores.
        must: `better` or `not worse`: anything else is a failure.

    Raises:
        StateError: with `must`, if it is not.
    """
    more = ("first_scores", "second_scores", "positive")
    chosen = _checked(options, _COMPARE, more)
    frame = read_table(dataset, context.store)
    sides = []
    for given, scores in ((first, "first_scores"), (second, "second_scores")):
        text = given.artifact_url if isinstance(given, DataItem) else given
        asked = {"model": given} if str(text).startswith("store://") else {"predicted": given}
        made = rows_of(
            frame, label, **asked, **_taken(chosen, ("positive",)), store=context.store,
            **({"scores": chosen[scores]} if chosen.get(scores) else {}),
        )  # fmt: skip
        sides.append(made)
    new, old = sides
    report = compare_models(
        new, old, _listed(metrics), options=CompareOptions(**_taken(chosen, _COMPARE)), must=must
    )
    _done(context, report, "comparison", bool(must))


@function(name="analyse-decay")
def decay_job(
    context: MLClientCtx,
    dataset: Given = None,
    label: str = "",
    endpoint: str = "",
    limit: float | None = None,
    within: float = 0.0,
    options: dict[str, Any] | None = None,
    must: bool = True,
) -> None:
    """The trend of a model's quality; see `analyse_decay`.

    Args:
        context: The run; its project is the endpoint's.
        dataset: A table of windows (`time` and `value` in `options` are its columns), or rows
            with label and predictions, which are cut into windows.
        label: The label's column, of rows.
        endpoint: Instead of a data set: an endpoint's uid, whose stored results are read.
        limit: The value that must not be crossed.
        within: Days before which crossing it is a failure.
        options: `time`, `value`, `window`, `metric`, `lower`, `confidence`, `least`,
            `application`, `predicted`, `scores`, `positive`.
        must: Whether a missed limit is a failure.

    Raises:
        StateError: with `must`, if the limit is crossed, or will be within that time.
    """
    chosen = _checked(options, _ROWS, _DECAY)
    about = {"limit": limit, "within": within, **_taken(chosen, ("lower", "confidence"))}
    if endpoint:
        report = decay_of_results(
            context.project, endpoint, chosen.get("metric") or "accuracy",
            application=chosen.get("application") or "", **about,
        )  # fmt: skip
    elif label:
        rows = _rows(context, dataset, label, "", chosen)
        metric = chosen.get("metric") or rows.default_metric
        times, values = window_quality(
            rows, chosen.get("time") or "time", metric, **_taken(chosen, ("window", "least"))
        )
        report = analyse_decay(times, values, metric, **about)
    else:
        frame = read_table(dataset, context.store)
        value = chosen.get("value") or "value"
        moments = column_of(frame, chosen.get("time") or "time")
        metric = chosen.get("metric") or value
        report = analyse_decay(moments, column_of(frame, value), metric, **about)
    _done(context, report, "decay", must)


def _listed(given: Any) -> list[Any]:
    return [given] if isinstance(given, str) else list(given or ())
