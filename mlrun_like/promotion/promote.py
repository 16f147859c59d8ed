"""promote: all gates are asked, and the alias moves if all say yes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.names import check_tag
from mlrun_like.promotion.canary import sync
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import Gate, GateResult
from mlrun_like.promotion.parsing import gates_of
from mlrun_like.promotion.registry import (
    alias_holder,
    find_version,
    load_version,
    model_store,
    new_event,
)
from mlrun_like.promotion.report import Promotion, log_report
from mlrun_like.promotion.stages import CHALLENGER, CHAMPION, STAGES, path_between
from mlrun_like.tracking.abilities import (
    AliasMove,
    ModelChange,
    ModelEvent,
    ModelVersion,
    StageMove,
)
from mlrun_like.tracking.base import Store

__all__ = ["judge", "promote", "stage_steps"]

_STAGE_OF = {CHAMPION: "production", CHALLENGER: "staging"}


def promote(
    model: Any,
    to: str = CHAMPION,
    gates: Any = (),
    *,
    test_set: Any = None,
    label: str = "",
    why: str = "",
    dry_run: bool = False,
    store: Store | None = None,
) -> Promotion:
    """Give a model version an alias (or a stage), if it passes all gates.

    With `champion` comes the stage `production` (the former champion is archived), with
    `challenger` the stage `staging`. Alias, stages and audit trail change in one transaction; if
    somebody else moved the alias while the gates were asked, nothing changes.

    Args:
        model: The candidate: a URI, a logged model, `<key>:<version or alias>`.
        to: The alias, or one of the stages.
        gates: What it must pass, see `parsing.gate_of`: `["auc >= 0.9", {"gate": "better",
            "metric": "auc"}, "smoke", my_function]`.
        test_set: A DataFrame, DataItem or URL with features and label; None: only recorded metrics
            are known.
        label: The label's column; empty: the model's recorded output.
        why: For the audit trail.
        dry_run: Only ask the gates; record and move nothing.
        store: The tracking store; None: the configured one.

    Returns:
        What every gate said; `.accepted` and `.check()`.

    Raises:
        ConflictError: if the alias or a stage was moved meanwhile.
        NotFoundError: if there is no such model.
        InvalidArgumentError: if a gate or the alias cannot be understood.
    """
    where = model_store(store)
    version = find_version(model, store=where)
    asked = gates_of(gates)
    if to not in STAGES and check_tag(to) == "latest":
        raise InvalidArgumentError("'latest' is no alias", fix="to='champion'")
    alias = CHAMPION if to in STAGES else to
    before = alias_holder(version.project, version.key, alias, store=where)
    frame = _table(test_set, where)
    # a challenger is compared with what serves, not with the challenger before it
    serving = alias_holder(version.project, version.key, CHAMPION, store=where)
    rival = serving if to == CHALLENGER else before
    results = judge(version, asked, rival, test_set=frame, label=label, store=where)
    accepted = all(result.passed for result in results)
    found = Promotion(version, to, accepted, tuple(results), before)
    if dry_run:
        return found
    uri = log_report(found, where)
    found = Promotion(version, to, accepted, tuple(results), before, uri)
    where.change_model(version.project, version.key, _change(found, why))
    if accepted:
        sync(version.key, project=version.project, store=where)
    return found


def _table(test_set: Any, store: Store) -> pd.DataFrame | None:
    if test_set is None or isinstance(test_set, pd.DataFrame):
        return test_set
    item = test_set if isinstance(test_set, DataItem) else get_dataitem(test_set, store=store)
    found: pd.DataFrame = item.as_df()
    return found


def judge(
    version: ModelVersion,
    gates: list[Gate],
    rival: ModelVersion | None = None,
    *,
    test_set: pd.DataFrame | None = None,
    label: str = "",
    store: Store | None = None,
) -> list[GateResult]:
    """The answers of all gates; one that cannot be asked refuses, and says why.

    Args:
        version: The candidate.
        gates: The gates.
        rival: The version it is compared with; None (or itself): there is none.
        test_set: Rows with features and label.
        label: The label's column.
        store: The tracking store; None: the configured one.
    """
    case = Case(version, load_version(version, store=store), test_set, label, store=store)
    if rival is not None and rival.uid != version.uid:
        case.rival = Case(rival, load_version(rival, store=store), test_set, label, store=store)
    results = []
    for gate in gates:
        try:
            results.append(gate.judge(case))
        except MLRunLikeError as exc:
            results.append(GateResult(gate.name, False, str(exc)))
    return results


def stage_steps(
    version: ModelVersion, stage: str, why: str
) -> tuple[list[StageMove], list[ModelEvent]]:
    """The moves that bring a version to a stage, and their lines in the audit trail."""
    moves, events, now = [], [], version.stage
    for following in path_between(version.stage, stage):
        moves.append(StageMove(version.uid, now, following))
        events.append(new_event(version, "stage", why, before=now, after=following))
        now = following
    return moves, events


def _change(found: Promotion, why: str) -> ModelChange:
    version, before = found.version, found.before
    gates = [
        {name: one[name] for name in ("gate", "passed", "gap", "message")}
        for one in found.to_dict()["gates"]
    ]
    summary = {"to": found.to, "accepted": found.accepted, "gates": gates, "report": found.report}
    event = new_event(version, "promote" if found.accepted else "reject", why, **summary)
    status = {version.uid: {"promotion": {**summary, "time": event.time}}}
    if not found.accepted:
        return ModelChange(events=[event], status=status)
    stage = found.to if found.to in STAGES else _STAGE_OF.get(found.to, "")
    aliases: list[AliasMove] = []
    moves, events = stage_steps(version, stage, why) if stage else ([], [])
    if found.to == CHALLENGER and version.stage == "production":
        moves, events = [], []  # a champion that is also tried as a challenger goes on serving
    if found.to not in STAGES:
        aliases.append(AliasMove(found.to, version.uid, before.uid if before else ""))
        if before is None or before.uid != version.uid:
            number = before.number if before else 0
            events.append(
                new_event(
                    version, "alias", why, alias=found.to, before=number, after=version.number
                )
            )
    replaced = before is not None and before.uid != version.uid and found.to == CHAMPION
    if replaced and before is not None and before.stage == "production":
        retired, lines = stage_steps(before, "archived", why)
        moves, events = [*moves, *retired], [*events, *lines]
    if found.to == CHAMPION and CHALLENGER in version.tags:
        aliases.append(AliasMove(CHALLENGER, ""))
        events.append(
            new_event(version, "alias", why, alias=CHALLENGER, before=version.number, after=0)
        )
    return ModelChange(aliases, moves, [*events, event], status)
