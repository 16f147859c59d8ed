"""Checks a data set against a schema and a reference, and stops the run where it does not fit."""

from __future__ import annotations

from collections.abc import Sequence

import mlrun_like as ml
from mlrun_like.artifacts.item import set_in_memory_item
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.validation import infer_schema
from mlrun_like.monitoring.validation import validate_data as validate

__all__ = ["validate_data"]

_TOLD = ("rows", "columns", "anomalies", "warnings", "drifted", "personal_data")


def validate_data(  # noqa: PLR0913 - parameters of a run
    context: ml.MLClientCtx,
    data: ml.DataItem | None = None,
    schema: ml.DataItem | None = None,
    reference: ml.DataItem | None = None,
    policy: str = "",
    environment: str = "",
    comparison: str = "drift",
    fail_on: str = "anomaly",
    label: str = "",
    relax: Sequence[str] = (),
    clean: bool = False,
) -> None:
    """Validate a data set; log results and reports; fail if something of `fail_on` was found.

    Args:
        context: The run.
        data: The data set.
        schema: The schema file. None: it is inferred from the reference; without one of these
            either, from the data itself, for a person to edit.
        reference: A data set to compare with.
        policy: What happens with personal data: stop, warn, mask, drop; or a policy file.
        environment: The environment of the schema, such as SERVING.
        comparison: "drift" or "skew".
        fail_on: What fails the run, with commas: anomaly, drift, personal-data, warning; empty:
            nothing but a policy that stops.
        label: The label column, for a schema that is inferred.
        relax: Rules of the schema to relax so that this data passes, such as `["age.max"]`.
        clean: Whether to log the data set that the policy leaves.

    Raises:
        SchemaError: if the validation fails, after all is logged.
    """
    if data is None:
        raise InvalidArgumentError(
            "there is no data to validate",
            where="validate_data",
            fix='fn.run(inputs={"data": "new.csv", "schema": "schema.yaml"}, local=True)',
        )
    if schema is None and reference is not None:
        context.logger.info(f"inferring a schema from {reference.key}")
        made = infer_schema(reference, label=[label] if label else ())
        schema = ml.get_dataitem(set_in_memory_item(f"{context.uid}-schema.yaml", made.to_text()))
    context.logger.info(f"validating {data.key}")
    try:
        validate(
            context, data, schema, reference, policy, environment, comparison, fail_on, label,
            relax, clean,
        )  # fmt: skip
    finally:
        found = context.results
        if "anomalies" in found:
            context.logger.info("checked", **{k: found[k] for k in _TOLD if k in found})
