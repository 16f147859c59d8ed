"""Several models on one test set: a table of metrics, the best one, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.drawing.charts import bars
from mlrun_like.drawing.page import page, section, table
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.analysis.comparison import compare_models
from mlrun_like.monitoring.analysis.rows import Rows, read_table, rows_of
from mlrun_like.promotion.comparison import CompareOptions
from mlrun_like.promotion.scores import check_metric, lower_is_better

__all__ = ["compare"]

_MOST = 50
_TESTS = ("metric", "better", "worse", "better_by", "low", "high", "p", "significant", "method")


def compare(
    context: ml.MLClientCtx,
    models: list[str] | dict[str, str],
    test_set: ml.DataItem,
    label_column: str,
    metrics: list[str] | str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> None:
    """Rank models, and test the best one against each other one.

    The models are asked about the same rows, so the tests are paired: t for means over rows,
    DeLong's for `auc`, a bootstrap for others. All tests together have the level `confidence`
    (Bonferroni).

    Args:
        context: The run.
        models: The models' `store://` URIs, or a mapping of names to them; a name may also stand
            for a column of the test set with the predictions.
        test_set: Rows with the models' features and the label.
        label_column: The label; rows without it are left out.
        metrics: The first one ranks; by default `accuracy` of classes, `mae` of numbers. One of
            `accuracy`, `precision`, `recall`, `f1`, `auc`, `log_loss`, `brier`, `mae`, `rmse`, ...
        confidence: Of all tests together.
        seed: Of the bootstrap.

    Raises:
        InvalidArgumentError: if there are fewer than two models, or something does not fit.
    """
    named = _named(models)
    if not 2 <= len(named) <= _MOST:
        raise InvalidArgumentError(
            f"{len(named)} models cannot be compared", fix='models=["store://...", "store://..."]'
        )
    frame = read_table(test_set, context.store)
    rows = {name: _asked(context, frame, label_column, given) for name, given in named.items()}
    wanted = [metrics] if isinstance(metrics, str) else list(metrics or ())
    wanted = [check_metric(name) for name in wanted] or [next(iter(rows.values())).default_metric]
    first = wanted[0]
    ranked = _ranked(rows, wanted)
    best = str(ranked["model"].iloc[0])
    level = 1 - (1 - confidence) / (len(named) - 1)
    options = CompareOptions(confidence=level, seed=seed)
    tests = pd.DataFrame(
        [_tested(rows, best, other, first, options) for other in ranked["model"].iloc[1:]],
        columns=list(_TESTS),
    )
    context.log_dataset("models", df=ranked, format="csv", index=False)
    context.log_dataset("tests", df=tests, format="csv", index=False)
    body = _page(ranked, tests, first, level, label_column)
    context.log_artifact("comparison_page", body=body, format="html", viewer="web-app")
    context.log_results(
        {
            "best_model": best,
            "best_uri": named[best],
            f"best_{first}": float(ranked[first].iloc[0]),
            "significant": bool(tests["significant"].all()),
            "as_good": tests.loc[~tests["significant"].astype(bool), "worse"].tolist(),
            "rows": len(frame),
        }
    )


def _named(models: Any) -> dict[str, str]:
    if isinstance(models, Mapping):
        return {str(name): str(given) for name, given in models.items()}
    given = [str(one) for one in models or ()]
    if len(set(given)) < len(given):
        raise InvalidArgumentError("a model is named twice", fix="each model once")
    short = [uri.split("@")[0].rstrip("/").rpartition("/")[2].partition("#")[0] for uri in given]
    once = len(set(short)) == len(short)
    return dict(zip(short if once else given, given, strict=True))


def _asked(context: ml.MLClientCtx, frame: pd.DataFrame, label: str, given: str) -> Rows:
    if given in frame.columns:
        return rows_of(frame, label, given)
    if not given.startswith("store://"):
        raise InvalidArgumentError(
            f"{given!r:.100} is neither the URI of a logged model nor a column of the test set",
            fix="store://models/<project>/<key>",
        )
    return rows_of(frame, label, model=given, store=context.store)


def _ranked(rows: Mapping[str, Rows], wanted: list[str]) -> pd.DataFrame:
    found = [
        {
            "model": name,
            **{metric: one.measured(metric) for metric in wanted},
            "rows": len(one.truth),
        }
        for name, one in rows.items()
    ]
    less = lower_is_better(wanted[0])
    table = pd.DataFrame(found).sort_values(wanted[0], ascending=less, kind="stable")
    return table.reset_index(drop=True)


def _tested(
    rows: Mapping[str, Rows], best: str, other: str, metric: str, options: CompareOptions
) -> dict[str, Any]:
    found = compare_models(rows[best], rows[other], metric, options=options).result()
    return {
        "metric": metric,
        "better": best,
        "worse": other,
        "better_by": found.better_by,
        "low": found.interval.low,
        "high": found.interval.high,
        "p": found.chance,
        "significant": found.verdict == "better",
        "method": found.method,
    }


def _page(ranked: pd.DataFrame, tests: pd.DataFrame, metric: str, level: float, label: str) -> str:
    drawn = bars(ranked["model"].tolist(), ranked[metric].tolist(), title=metric, most=_MOST)
    numbers = table(list(ranked.columns), ranked.to_numpy().tolist())
    pairs = table(list(tests.columns), tests.to_numpy().tolist())
    note = f"each interval has the level {level:.4g}, so that all hold together"
    return page(
        f"{len(ranked)} models by {metric}",
        section("Models", drawn, numbers),
        section("The best one against the others", pairs, note=note),
        subtitle=f"label {label}",
    )
