"""ValidationReport: all that was found, as an object, JSON, a page and an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.local import AtomicFile
from mlrun_like.errors import InvalidArgumentError, SchemaError, nearest
from mlrun_like.monitoring.validation.anomalies import Anomaly
from mlrun_like.monitoring.validation.describing import Statistics
from mlrun_like.monitoring.validation.personal_scan import PersonalData
from mlrun_like.monitoring.validation.policy import Policy
from mlrun_like.monitoring.validation.schema import Schema
from mlrun_like.registry import resolve

__all__ = ["FAIL_ON", "ValidationReport", "check_fail_on"]

FAIL_ON = ("anomaly", "drift", "personal-data", "warning")
"""What can fail a validation; `warning` also counts what is no error."""

_PAGE = "mlrun_like.monitoring.validation.report_page:report_page"


def check_fail_on(names: Iterable[str] | str) -> tuple[str, ...]:
    """Names of what fails a validation, checked.

    Raises:
        InvalidArgumentError: for another name.

    >>> check_fail_on("anomaly,drift")
    ('anomaly', 'drift')
    """
    given = names.split(",") if isinstance(names, str) else list(names)
    found = tuple(name.strip().replace("_", "-") for name in given if name.strip())
    for name in found:
        if name not in FAIL_ON:
            raise InvalidArgumentError(
                f"fail_on={name!r:.40} is unknown.{nearest(name, FAIL_ON)}",
                fix=f"use of: {', '.join(FAIL_ON)}",
            )
    return found


@dataclass(frozen=True)
class ValidationReport:
    """What a validation found.

    Args:
        statistics: Of the data.
        schema: What it was checked against; None: nothing.
        anomalies: Where it differs from the schema, errors first.
        drift: Where it differs from the reference, as anomalies of kind "drift" or "skew".
        personal_data: Personal data, the surest first.
        policy: What is done about personal data; None: nothing.
        comparison: The comparison with the reference, if there was one.
        environment: The environment of the schema.

    >>> from mlrun_like.monitoring.validation.validating import validate
    >>> report = validate([{"age": 200}], {"columns": {"age": {"type": "integer", "max": 120}}})
    >>> report.ok, report.anomalies[0].kind
    (False, 'range')
    """

    statistics: Statistics
    schema: Schema | None = None
    anomalies: Sequence[Anomaly] = ()
    drift: Sequence[Anomaly] = ()
    personal_data: Sequence[PersonalData] = ()
    policy: Policy | None = None
    comparison: Any = field(default=None, repr=False)
    environment: str = ""

    @property
    def name(self) -> str:
        """What the data is called."""
        return self.statistics.name

    @property
    def ok(self) -> bool:
        """Whether there are no errors: anomalies, drift, personal data that the policy refuses."""
        asked = () if self.policy is None else ("personal-data",)
        return not self.failures(("anomaly", "drift", *asked))

    def judged(self) -> list[tuple[PersonalData, str]]:
        """Personal data with what the policy does about it; without one: "warn"."""
        if self.policy is None:
            return [(one, "warn") for one in self.personal_data]
        return self.policy.judge(self.personal_data)

    def failures(self, fail_on: Iterable[str] | str) -> list[str]:
        """What fails the validation, a sentence each.

        Args:
            fail_on: Of `FAIL_ON`. Without a policy all personal data fails; with one, what it
                stops or warns of.

        Raises:
            InvalidArgumentError: if `fail_on` names something else.
        """
        wanted = check_fail_on(fail_on)
        some: list[Anomaly] = []
        for name, anomalies in (("anomaly", self.anomalies), ("drift", self.drift)):
            if name in wanted or "warning" in wanted:
                some += [
                    one
                    for one in anomalies
                    if (one.severity == "error" and name in wanted) or "warning" in wanted
                ]
        found = [f"{one.column or 'data'}: {one.what}" for one in some]
        if "personal-data" in wanted:
            found += [
                f"{one.column}: {one.kind}, {one.share:.1%} of the values"
                for one, action in self.judged()
                if action == "stop" or (action == "warn" and self.policy is None)
            ]
        return found

    def raise_for(self, fail_on: Iterable[str] | str = ("anomaly",)) -> None:
        """Fail if something of `fail_on` was found; a policy that stops always does.

        Raises:
            SchemaError: saying the column, what, how much and how to fix it.
        """
        if self.policy is not None:
            self.policy.enforce(self.personal_data, self.name)
        found = self.failures(fail_on)
        if found:
            more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
            fixes = [one.fix for one in (*self.anomalies, *self.drift) if one.severity == "error"]
            raise SchemaError(
                f"the data is not valid: {'; '.join(found[:5])}{more}",
                where=self.name,
                fix=fixes[0] if fixes else "take the column out, or allow it with a policy",
            )

    # forms ---------------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """The few numbers that matter: results of a run."""
        errors = [one for one in self.anomalies if one.severity == "error"]
        found: dict[str, Any] = {
            "rows": self.statistics.rows,
            "columns": len(self.statistics.columns),
            "valid": self.ok,
            "anomalies": len(errors),
            "warnings": len(self.anomalies) - len(errors),
            "drifted": len([one for one in self.drift if one.severity == "error"]),
            "personal_data": len(self.judged()),
        }
        if self.comparison is not None:
            found["drift_score"] = float(self.comparison.score)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data; the form is described in docs/data-validation.md."""
        return {
            "report": 1,
            "name": self.name,
            "environment": self.environment,
            "summary": self.summary(),
            "anomalies": [one.to_dict() for one in self.anomalies],
            "drift": [one.to_dict() for one in self.drift],
            "personal_data": [{**one.to_dict(), "action": do} for one, do in self.judged()],
            "statistics": self._masked(self.statistics.to_dict()),
        }

    def _masked(self, columns: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Statistics without values of columns with personal data."""
        for one in self.personal_data:
            if one.column in columns:
                columns[one.column] |= {"values": [], "min": None, "max": None}
        return columns

    def to_json(self) -> str:
        """The same as JSON; numbers that JSON has no word for become null."""
        return json.dumps(_finite(self.to_dict()), ensure_ascii=False, allow_nan=False, default=str)

    def to_html(self) -> str:
        """A page that needs no network: anomalies, drift, personal data, statistics."""
        made: str = resolve(_PAGE)(self)
        return made

    def save(self, path: str | Path) -> None:
        """Write it as a page (`.html`) or JSON (`.json`); the file is complete or not there."""
        text = self.to_json() if str(path).endswith(".json") else self.to_html()
        with AtomicFile(path) as file:
            file.write(text.encode("utf-8", "replace"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):  # a lone surrogate is no text that could be written
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_finite(str(key)): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value
