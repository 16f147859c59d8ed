"""`mlrun-like validate`: a data set against a schema, a reference and a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, print_fields, print_json, print_table
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.validation.inference import infer_schema
from mlrun_like.monitoring.validation.report import ValidationReport, check_fail_on
from mlrun_like.monitoring.validation.validating import validate as validate_now

__all__ = ["validate"]


def validate(  # noqa: PLR0913  (options of a command)
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A .parquet, .csv or .jsonl file, a URL, or a store:// URI."
        ),
    ],
    schema: Annotated[
        str, typer.Option("--schema", metavar="FILE", help="Check against this schema.")
    ] = "",
    infer: Annotated[
        str, typer.Option("--infer", metavar="FILE", help="Write a schema that the data fits.")
    ] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="With --infer: a label column, absent when serving."),
    ] = None,
    reference: Annotated[
        str, typer.Option("--reference", metavar="DATA", help="Compare with this data set.")
    ] = "",
    skew: Annotated[
        bool, typer.Option("--skew", help="The reference is the training set: use skew limits.")
    ] = False,
    environment: Annotated[
        str, typer.Option("--environment", help="TRAINING, SERVING, or another of the schema.")
    ] = "",
    policy: Annotated[
        str,
        typer.Option(
            "--policy", metavar="FILE", help="What to do about personal data; or: stop, warn."
        ),
    ] = "",
    personal_data: Annotated[
        bool,
        typer.Option("--personal-data", help="Scan all values for personal data, and fail on it."),
    ] = False,
    html: Annotated[
        str, typer.Option("--html", metavar="FILE", help="Write the report as a page.")
    ] = "",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on", help="anomaly, drift, personal-data or warning; default: all but warning."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a data set; exit code 1 if something was found, with where and how to fix it.

    mlrun-like validate train.parquet --infer schema.yaml --label churned

    mlrun-like validate new.csv --schema schema.yaml --reference train.parquet --html report.html

    mlrun-like validate new.csv --personal-data --fail-on personal-data

    Files are read in chunks. Examples of personal data are masked wherever they are shown.
    """
    wanted = check_fail_on(fail_on or ())
    if label and not infer:
        raise InvalidArgumentError("--label is for --infer", fix="--infer schema.yaml --label y")
    report = validate_now(
        data,
        schema or None,
        reference or None,
        policy or None,
        environment=environment,
        comparison="skew" if skew else "drift",
        scan="all" if personal_data else "sample",
    )
    if infer:
        infer_schema(report.statistics, label=label or ()).save(Path(infer))
    if html:
        report.save(Path(html) if html.endswith((".html", ".htm")) else Path(f"{html}.html"))
    if as_json:
        print_json(report.to_dict())
    else:
        _show(report, infer, html)
    if not wanted:
        # personal data is no fault of itself: it fails when it was asked for, or by a policy
        asked = personal_data or report.policy is not None
        wanted = ("anomaly", "drift", *(("personal-data",) if asked else ()))
    if report.failures(wanted):
        raise typer.Exit(1)


def _show(report: ValidationReport, infer: str, html: str) -> None:
    summary = report.summary()
    print_fields(
        [
            ("data", report.name),
            ("rows", f"{summary['rows']:,}"),
            ("columns", f"{summary['columns']:,}"),
            ("result", _result(report, summary)),
            ("schema written", infer),
            ("report", html),
        ]
    )
    found = [*report.anomalies, *report.drift]
    if found:
        typer.echo("")
        print_table(
            ["severity", "column", "kind", "rows", "what", "fix"],
            [
                [
                    {"warning": "warn"}.get(one.severity, one.severity),
                    one.column or "(data)",
                    one.kind,
                    f"{one.count:,} ({one.share:.1%})" if one.count else "",
                    one.what,
                    one.fix,
                ]
                for one in found
            ],
        )
    judged = report.judged()
    if judged:
        typer.echo("")
        print_table(
            ["personal data", "column", "share", "sure", "action", "such as"],
            [
                [
                    one.kind,
                    one.column,
                    f"{one.share:.1%}",
                    f"{one.confidence:.0%}",
                    action,
                    ", ".join(one.examples[:2]),
                ]
                for one, action in judged
            ],
        )


def _result(report: ValidationReport, summary: dict[str, Any]) -> str:
    parts = [
        f"{summary[key]:,} {words}"
        for key, words in (
            ("anomalies", "anomalies"),
            ("warnings", "warnings"),
            ("drifted", "drifted columns"),
            ("personal_data", "columns with personal data"),
        )
        if summary[key]
    ]
    if parts:
        return ", ".join(parts)
    return "valid" if report.schema is not None or report.comparison is not None else "read"
