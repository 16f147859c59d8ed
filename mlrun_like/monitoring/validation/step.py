"""validate_data: a handler that validates a data set as a run, or as a step of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from mlrun_like.artifacts.data import DataItem
from mlrun_like.monitoring.validation.inference import infer_schema
from mlrun_like.monitoring.validation.policy import clean_data
from mlrun_like.monitoring.validation.report import ValidationReport, check_fail_on
from mlrun_like.monitoring.validation.schema import Schema
from mlrun_like.monitoring.validation.validating import validate
from mlrun_like.runs.context import MLClientCtx

__all__ = ["validate_data"]


def validate_data(  # noqa: PLR0913 - parameters of a run
    context: MLClientCtx,
    data: DataItem,
    schema: DataItem | None = None,
    reference: DataItem | None = None,
    policy: str = "",
    environment: str = "",
    comparison: str = "drift",
    fail_on: str = "anomaly",
    label: str = "",
    relax: Sequence[str] = (),
    clean: bool = False,
) -> None:
    """Validate a data set; log results and reports; fail if something of `fail_on` was found.

    Results: rows, columns, valid, anomalies, warnings, drifted, personal_data (and drift_score).
    Artifacts: `validation_report` (HTML), `validation` (JSON), `schema` (YAML: inferred if none was
    given, else relaxed where it was asked), and `clean` (what the policy leaves).

    Args:
        context: The run.
        data: The data set.
        schema: The schema file; none: one is inferred and logged, nothing is checked against it.
        reference: A data set to compare with.
        policy: The policy file, or an action for all personal data: stop, warn, mask, drop.
        environment: The environment of the schema.
        comparison: "drift" or "skew".
        fail_on: What fails the run, with commas: anomaly, drift, personal-data, warning; empty:
            nothing but a policy that stops.
        label: The label column, for a schema that is inferred.
        relax: Rules of the schema to relax so that this data passes, such as ["age.max"].
        clean: Whether to log the data set that the policy leaves: masked, or with columns dropped.

    Raises:
        SchemaError: if the validation fails, after all is logged.
    """
    wanted = check_fail_on(fail_on)
    given = None if schema is None else Schema.load(schema)
    report = validate(
        data,
        given,
        reference,
        policy or None,
        environment=environment,
        comparison=comparison,
    )
    _log(context, report, label, relax)
    if clean:
        context.log_dataset("clean", clean_data(data, report.personal_data, policy or "warn"))
    report.raise_for(wanted)


def _log(context: MLClientCtx, report: ValidationReport, label: str, relax: Sequence[str]) -> None:
    context.log_results(report.summary())
    context.log_artifact("validation_report", body=report.to_html(), format="html")
    context.log_artifact("validation", body=report.to_json(), format="json")
    if report.schema is None:
        schema = infer_schema(report.statistics, label=[label] if label else ())
    else:
        schema = report.schema.update(report.statistics, relax) if relax else report.schema
    context.log_artifact("schema", body=schema.to_text(), format="yaml")
