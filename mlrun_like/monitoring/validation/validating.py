"""`validate`: data against a schema, a reference and a policy, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlrun_like.monitoring.validation.anomalies import Anomaly
from mlrun_like.monitoring.validation.checks import ColumnCheck
from mlrun_like.monitoring.validation.columns import open_data
from mlrun_like.monitoring.validation.comparing import compare_with
from mlrun_like.monitoring.validation.describing import look
from mlrun_like.monitoring.validation.finding import find_anomalies
from mlrun_like.monitoring.validation.personal_kinds import mask
from mlrun_like.monitoring.validation.personal_scan import PersonalData
from mlrun_like.monitoring.validation.policy import Policy
from mlrun_like.monitoring.validation.report import ValidationReport
from mlrun_like.monitoring.validation.schema import Schema

__all__ = ["validate"]


def validate(
    data: Any,
    schema: Any = None,
    reference: Any = None,
    policy: Any = None,
    *,
    environment: str = "",
    comparison: str = "drift",
    scan: str = "sample",
    name: str = "",
) -> ValidationReport:
    """Look at data once, and say what is wrong with it.

    Args:
        data: A DataFrame, an Arrow table, a list of dictionaries, a path or URL of a Parquet, CSV
            or JSON-lines file (or a Parquet folder), a `store://` URI, a DataItem or a feature set.
            Files are read in chunks: memory does not grow with them.
        schema: A `Schema`, its file, or plain data; None: no rules.
        reference: Data to compare with (as `data`), or the `feature_stats` of a model: another
            span, or the training set.
        policy: A `Policy`, its file, or an action for all personal data ("stop", "warn", ...);
            None: personal data is reported only.
        environment: "TRAINING" or "SERVING", or another that the schema knows: columns that are
            `not_in` it may be absent.
        comparison: "drift" (between spans) or "skew" (training and serving): whose thresholds of
            the schema count.
        scan: Values looked at for personal data: "sample" (10,000 of each column), "all" or "off".
        name: What reports call the data; by default the file's name.

    Returns:
        The report; nothing is raised for what the data holds. See `ValidationReport.raise_for`.

    Raises:
        SchemaError: if the schema is malformed, or the data's file is broken.
        InvalidArgumentError: if the data, or an argument, cannot be used.
        MissingFileError: if there is no such file.

    >>> report = validate([{"plan": "a"}, {"plan": "x"}], {"columns": {"plan": {"domain": ["a"]}}})
    >>> report.anomalies[0].what
    'new category: x'
    """
    rules = None if schema is None else Schema.make(schema)
    wanted = None if policy is None else Policy.make(policy)
    opened = open_data(data, name)
    expected = {} if rules is None else rules.expected(environment)
    checks = {
        key: ColumnCheck(key, column, typed=opened.typed)
        for key, column in expected.items()
        if key in opened.names
    }
    stats = look(opened, checks, scan)
    anomalies = [] if rules is None else find_anomalies(rules, stats, checks, environment)
    found: Any = None
    drift: list[Anomaly] = []
    if reference is not None:
        found, drift = compare_with(reference, data, stats, rules, comparison)
    personal = sorted(stats.personal, key=lambda one: -one.confidence)
    return ValidationReport(
        statistics=stats,
        schema=rules,
        anomalies=_masked(anomalies, personal),
        drift=_masked(drift, personal),
        personal_data=personal,
        policy=wanted,
        comparison=found,
        environment=environment,
    )


def _masked(anomalies: Sequence[Anomaly], personal: Sequence[PersonalData]) -> list[Anomaly]:
    """Anomalies without values that are personal data."""
    kinds = {one.column: one.kind for one in personal}
    hidden = []
    for one in anomalies:
        kind = kinds.get(one.column)
        if kind is not None:
            examples = tuple(mask(text, kind) for text in one.examples)
            what, fix = one.what, one.fix
            for text in one.examples:
                what, fix = (
                    what.replace(text, mask(text, kind)),
                    fix.replace(text, mask(text, kind)),
                )
            one = replace(one, examples=examples, what=what, fix=fix)
        hidden.append(one)
    return hidden
