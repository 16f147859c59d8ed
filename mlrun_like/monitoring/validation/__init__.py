"""Data validation: statistics, schemas, anomalies, drift and skew, personal data.

    from mlrun_like.monitoring.validation import Schema, infer_schema, validate

    infer_schema("train.parquet", label="churned").save("schema.yaml")    # then edit the file
    report = validate("new.csv", "schema.yaml", reference="train.parquet", policy="stop")
    report.raise_for(["anomaly", "drift"])

validating.py    validate: one pass over data, a report
report.py        ValidationReport: object, JSON, error; report_page.py its HTML page
schema.py        Schema; column_schema.py what a column must be; schema_text.py the YAML file
inference.py     infer_schema; schemas relaxed where it is asked
describing.py    describe: statistics, and the one pass that everything uses
columns.py       any data as chunks of columns; coercing.py values as a schema's types
facts.py         what one column holds
checks.py        the rules of one column, by chunk; patterns.py patterns in linear time
finding.py       from facts and checks to anomalies; anomalies.py what one is
comparing.py     drift between spans, skew between training and serving
policy.py        Policy: which personal data may be; clean_data masks and drops
personal_scan.py personal data in columns; personal_kinds.py, personal_names.py,
                 personal_checks.py what it looks like
personal_text.py personal data within texts; personal_models.py by a language model as well;
                 personal_change.py what is written instead; personal_columns.py in cells
step.py          validate_data: a handler for runs and pipelines
graph_step.py    ValidateData: a step of serving graphs; event_checks.py single events
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.monitoring.validation.anomalies import Anomaly
    from mlrun_like.monitoring.validation.describing import Statistics, describe
    from mlrun_like.monitoring.validation.graph_step import ValidateData
    from mlrun_like.monitoring.validation.inference import infer_schema
    from mlrun_like.monitoring.validation.personal_scan import PersonalData, scan_values
    from mlrun_like.monitoring.validation.policy import Policy, clean_data
    from mlrun_like.monitoring.validation.report import ValidationReport
    from mlrun_like.monitoring.validation.schema import ColumnSchema, Schema
    from mlrun_like.monitoring.validation.step import validate_data
    from mlrun_like.monitoring.validation.validating import validate

_HERE = "mlrun_like.monitoring.validation"
_LAZY = {
    "Anomaly": "anomalies",
    "ColumnSchema": "schema",
    "PersonalData": "personal_scan",
    "Policy": "policy",
    "Schema": "schema",
    "Statistics": "describing",
    "ValidateData": "graph_step",
    "ValidationReport": "report",
    "clean_data": "policy",
    "describe": "describing",
    "infer_schema": "inference",
    "scan_values": "personal_scan",
    "validate": "validating",
    "validate_data": "step",
}
__all__ = [
    "Anomaly",
    "ColumnSchema",
    "PersonalData",
    "Policy",
    "Schema",
    "Statistics",
    "ValidateData",
    "ValidationReport",
    "clean_data",
    "describe",
    "infer_schema",
    "scan_values",
    "validate",
    "validate_data",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return resolve(f"{_HERE}.{_LAZY[name]}:{name}")
