"""`mlrun-like analyse`: a model before its release, and how it ages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, print_json
from mlrun_like.cli.values import parse_pairs
from mlrun_like.configuration import config
from mlrun_like.monitoring.analysis.comparison import compare_models
from mlrun_like.monitoring.analysis.decay import analyse_decay, decay_of_results, window_quality
from mlrun_like.monitoring.analysis.fairness import analyse_fairness
from mlrun_like.monitoring.analysis.report import Report
from mlrun_like.monitoring.analysis.rows import Rows, read_table, rows_of
from mlrun_like.monitoring.analysis.slices import SliceLimits, analyse_slices
from mlrun_like.promotion.comparison import CompareOptions
from mlrun_like.statistics.conditions import column_of
from mlrun_like.statistics.slice_search import SearchOptions

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Slices, fairness, comparison and decay of models. DATA is a table: a file or URL; the "
    "exit code is 1 if a limit is missed.",
)
Data = Annotated[str, typer.Argument(metavar="DATA", help="Parquet, CSV, JSON lines, or a URL.")]
Label = Annotated[str, typer.Option("--label", help="The column of the truth.")]
Predicted = Annotated[str, typer.Option("--predicted", help="The column of the predictions.")]
Scores = Annotated[str, typer.Option("--scores", help="The column of the positive class' scores.")]
Model = Annotated[str, typer.Option("--model", help="Instead of both: a logged model's URI.")]
Page = Annotated[str, typer.Option("--html", help="Write the report's page to this file.")]
Metric = Annotated[str, typer.Option("--metric", help="Such as accuracy, recall, auc, mae.")]


def _rows(data: str, label: str, predicted: str, scores: str, model: str) -> Rows:
    return rows_of(data, label, predicted or None, scores=scores or None, model=model or None)


def _told(report: Report, html: str, as_json: bool) -> int:
    if html:
        Path(html).write_text(report.to_html(), encoding="utf-8")
    if as_json:
        print_json(report.to_dict())
    return int(not report.passed)


@app.command()
def slices(  # noqa: PLR0913 - options of a command
    data: Data,
    label: Label,
    predicted: Predicted = "",
    scores: Scores = "",
    model: Model = "",
    metric: Metric = "",
    by: Annotated[
        list[str] | None, typer.Option("--by", help="A column, or several with commas; again.")
    ] = None,
    least: Annotated[float | None, typer.Option("--least", help="Of each slice of --by.")] = None,
    gap: Annotated[
        float | None, typer.Option("--gap", help="By how much a found slice may be worse.")
    ] = None,
    depth: Annotated[int, typer.Option("--depth", help="Most conditions of a slice.")] = 2,
    html: Page = "",
    as_json: Json = False,
) -> int:
    """Find the worst slices of a data set, and measure given ones.

    mlrun-like analyse slices test.csv --label y --predicted said

    mlrun-like analyse slices test.csv --label y --model store://models/demo/net --metric recall
      --by country --by country,gender --least 0.7 --gap 0.1 --html slices.html
    """
    names = [tuple(one.split(",")) for one in by or ()]
    report = analyse_slices(
        _rows(data, label, predicted, scores, model),
        metric,
        by=names,
        limits=SliceLimits(least=least, gap=gap),
        search=SearchOptions(depth=depth),
    )
    if not as_json:
        typer.echo(f"{report.metric} is {report.overall:.4g} on {report.rows} rows")
        for row in report.given:
            typer.echo(f"  {row.value:.4g} ({row.low:.4g} to {row.high:.4g})  {row.slice}")
        typer.echo(f"worst of {report.found.tested} slices:" if report.worst else "no worse slice")
        for one in report.worst:
            typer.echo(f"  {one.value:.4g}, {one.gap:.4g} worse, {one.rows} rows: {one.name}")
        _problems(report)
    return _told(report, html, as_json)


@app.command()
def fairness(  # noqa: PLR0913 - options of a command
    data: Data,
    label: Label,
    column: Annotated[list[str], typer.Option("--column", help="A sensitive column; again.")],
    predicted: Predicted = "",
    scores: Scores = "",
    model: Model = "",
    limit: Annotated[
        list[str] | None, typer.Option("--limit", help="MEASURE=NUMBER; again.")
    ] = None,
    html: Page = "",
    as_json: Json = False,
) -> int:
    """Compare how groups of people are treated.

    mlrun-like analyse fairness test.csv --label y --predicted said --column gender

    mlrun-like analyse fairness test.csv --label y --predicted said --column gender
      --column country --limit disparate_impact=0.8 --limit equalized_odds_difference=0.1
    """
    limits = parse_pairs(limit or [], "--limit")
    rows = _rows(data, label, predicted, scores, model)
    report = analyse_fairness(rows, column, limits=limits)
    if not as_json:
        for part in report.parts:
            typer.echo(f"by {part.by}, class {part.positive}")
            for name, one in part.measures.items():
                span = f"({one.interval.low:.4g} to {one.interval.high:.4g})"
                typer.echo(f"  {name:32}{one.value:.4g} {span}  {one.low} .. {one.high}")
        _problems(report)
    return _told(report, html, as_json)


@app.command()
def compare(  # noqa: PLR0913 - options of a command
    data: Data,
    label: Label,
    first: Annotated[str, typer.Option("--first", help="The new model: URI or column.")],
    second: Annotated[str, typer.Option("--second", help="The old model: URI or column.")],
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Again for more.")] = None,
    confidence: Annotated[float, typer.Option("--confidence", help="Of the interval.")] = 0.95,
    gain: Annotated[float, typer.Option("--gain", help="Better by so much, at least.")] = 0.0,
    must: Annotated[str, typer.Option("--must", help="better, or 'not worse'.")] = "",
    html: Page = "",
    as_json: Json = False,
) -> int:
    """Compare two models on the same rows: better, worse, or no difference shown.

    mlrun-like analyse compare test.csv --label y --first new --second old --must better

    mlrun-like analyse compare test.csv --label y --first store://models/demo/net:challenger
      --second store://models/demo/net:champion --metric auc --confidence 0.99
    """
    frame = read_table(data)
    new, old = (
        rows_of(frame, label, model=one)
        if one.startswith("store://")
        else rows_of(frame, label, one)
        for one in (first, second)
    )
    options = CompareOptions(confidence=confidence, gain=gain)
    report = compare_models(new, old, metric or (), options=options, must=must)
    if not as_json:
        for one in report.results:
            typer.echo(str(one))
    return _told(report, html, as_json)


@app.command()
def decay(  # noqa: PLR0913 - options of a command
    data: Annotated[str, typer.Argument(metavar="[DATA]", help="Windows, or rows.")] = "",
    time: Annotated[str, typer.Option("--time", help="The column of the times.")] = "time",
    value: Annotated[str, typer.Option("--value", help="The column of a metric.")] = "value",
    label: Annotated[str, typer.Option("--label", help="Of rows: the truth's column.")] = "",
    predicted: Predicted = "",
    window: Annotated[str, typer.Option("--window", help="Of rows: its length.")] = "1D",
    metric: Metric = "",
    endpoint: Annotated[str, typer.Option("--endpoint", help="Stored results of this uid.")] = "",
    project: Annotated[str, typer.Option("--project", help="The endpoint's.")] = "",
    limit: Annotated[float | None, typer.Option("--limit", help="Not to be crossed.")] = None,
    within: Annotated[float, typer.Option("--within", help="Days before which not.")] = 0.0,
    html: Page = "",
    as_json: Json = False,
) -> int:
    """Show how fast a model loses its quality, and when a limit is crossed.

    mlrun-like analyse decay quality.csv --time day --value auc --limit 0.8 --within 30

    mlrun-like analyse decay events.parquet --label y --predicted said --time when --window 7D

    mlrun-like analyse decay --endpoint 5e96a59a --project fraud --metric accuracy --limit 0.8
    """
    about: dict[str, Any] = {"limit": limit, "within": within}
    if endpoint:
        name = metric or "accuracy"
        report = decay_of_results(project or config.default_project, endpoint, name, **about)
    elif label:
        rows = rows_of(data, label, predicted or None)
        chosen = metric or rows.default_metric
        report = analyse_decay(*window_quality(rows, time, chosen, window), chosen, **about)
    else:
        frame = read_table(data)
        times, values = column_of(frame, time), column_of(frame, value)
        report = analyse_decay(times, values, metric or value, **about)
    if not as_json:
        low, high = report.trend.interval
        typer.echo(
            f"{report.verdict}: {report.metric} is {report.trend.intercept:.4g} now, "
            f"{report.trend.slope:+.3g} a day ({low:+.3g} to {high:+.3g})"
        )
        if report.half_life is not None:
            typer.echo(f"half-life: {report.half_life:.3g} days")
        _problems(report)
    return _told(report, html, as_json)


def _problems(report: Report) -> None:
    for one in report.problems:
        typer.echo(f"FAILED  {one}")
