"""Promotion and rollback as steps of a pipeline; their outputs are for `dsl.If`.

@pipeline
def release(data: str):
    model = train(data=data)
    done = promote_model(model=model.outputs["model"], gates=["auc >= 0.9", "smoke"])
    with dsl.If(done.outputs["accepted"] == True):
        deploy(model=model.outputs["model"])
"""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts.data import DataItem
from mlrun_like.functions.decorators import function
from mlrun_like.promotion.canary import set_share
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.rollback import rollback
from mlrun_like.promotion.stages import CHAMPION
from mlrun_like.runs.context import MLClientCtx

__all__ = ["canary_model", "promote_model", "rollback_model"]


@function()
def promote_model(
    context: MLClientCtx,
    model: DataItem | str,
    to: str = CHAMPION,
    gates: Any = None,
    test_set: DataItem | str | None = None,
    label: str = "",
    why: str = "",
    must: bool = False,
) -> None:
    """Promote a model version if it passes all gates; see `promote`.

    Results: `accepted`, `version`, `previous` (0: none), `reason` (which gates refused it, and by
    how much). Artifacts: `promotion_report`, `promotion_gates`.

    Args:
        context: The run.
        model: The candidate's URI.
        to: The alias or stage.
        gates: Expressions and plain data.
        test_set: Rows with features and label, as an input or a URL.
        label: The label's column.
        why: For the audit trail.
        must: Whether a rejection is this step's failure.

    Raises:
        StateError: with `must`, if the model is rejected.
    """
    done = promote(
        model,
        to,
        gates,
        test_set=test_set,
        label=label,
        why=why or f"run {context.uri}",
        store=context.store,
    )
    context.log_results(
        {
            "accepted": done.accepted,
            "version": done.version.number,
            "previous": done.before.number if done.before else 0,
            "reason": "; ".join(f"[{one.gate}] {one.message}" for one in done.failed),
        }
    )
    context.logger.info(str(done))
    if must:
        done.check()


@function()
def rollback_model(context: MLClientCtx, key: str, alias: str = CHAMPION, why: str = "") -> None:
    """Give an alias back to the version that held it before; see `rollback`.

    Results: `version`, the one that holds it now.

    Args:
        context: The run; its project is the model's.
        key: The model's key.
        alias: The alias.
        why: For the audit trail.
    """
    now = rollback(
        context.project, key, alias, why=why or f"run {context.uri}", store=context.store
    )
    context.log_result("version", now.number)


@function()
def canary_model(context: MLClientCtx, key: str, share: float, why: str = "") -> None:
    """Give the challenger a share of the traffic; see `canary.set_share`.

    Results: `weights`, those of all routes.

    Args:
        context: The run; its project is the model's.
        key: The model's key.
        share: From 0 to 1.
        why: For the audit trail.
    """
    found = set_share(
        key, share, project=context.project, why=why or f"run {context.uri}", store=context.store
    )
    context.log_result("weights", found)
