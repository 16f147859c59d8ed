"""execute: one action of one activation, at most once, whatever is killed in between."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import ConflictError, MLRunLikeError, NotFoundError
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.call import call
from mlrun_like.monitoring.actions.claims import (
    ActionRecord,
    action_store,
    chain_of,
    claim_number,
    claim_start,
    read_chain,
    read_record,
    save,
    starter_of,
)
from mlrun_like.monitoring.actions.guards import ancestry_of, refusal, unfit
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.monitoring.actions.outcome import Outcome
from mlrun_like.monitoring.actions.pipelines import run_pipeline
from mlrun_like.monitoring.actions.rollback import roll_back, rolled_back
from mlrun_like.monitoring.clock import now
from mlrun_like.names import new_uid
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.process import process_alive
from mlrun_like.tracking.reaper import mark_lost

__all__ = ["carry_out", "execute", "settle"]

_TRIES = 20
_DOERS: Mapping[str, Callable[[Action, Incident, ActionRecord, Any], Outcome]] = {
    "pipeline": run_pipeline,
    "rollback": roll_back,
    "call": call,
}
_children: list[subprocess.Popen[bytes]] = []
"""Processes that were started here, so that those that end are not left unburied."""


def execute(action: Any, activation: Any, store: Any = None) -> dict[str, Any]:
    """Do what an alert is to do, unless a guard forbids it or it was done for this activation.

    Called again for the same activation it starts nothing: it tells what became of it, and takes
    over only what provably never began.

    Args:
        action: An `Action`, or plain data: `{"kind": "pipeline", "workflow": "retrain", ...}`.
        activation: The activation, as plain data or an object with `to_dict`.
        store: The tracking store; None: the configured one.

    Returns:
        `kind`, `name`, `key`, `state` (`refused`, `starting`, `running`, `completed`, `failed`,
        `lost`), `reason`, `uid` of the run, `links` to what came of it: for the incident.

    Raises:
        InvalidArgumentError: if the action or activation cannot be understood.
        EngineError: if the store keeps no claims.
    """
    wanted, incident = Action.of(action), Incident.of(activation)
    where = action_store(store)
    chain = chain_of(incident.alert, wanted.name)
    for _ in range(_TRIES):
        earlier = [settle(where, record) for record in read_chain(where, incident.project, chain)]
        mine = next((one for one in earlier if one.activation == incident.id), None)
        if mine is not None:
            return _told(wanted, _go_on(where, mine))
        ancestry = ancestry_of(where, incident)
        moment = now()
        reason = unfit(wanted, incident.project)
        reason = reason or refusal(wanted, incident, earlier, moment, ancestry, chain)
        if reason:
            return _answer(wanted, "refused", reason)
        record = ActionRecord(
            incident.project,
            chain,
            max((one.number for one in earlier), default=0) + 1,
            incident.id,
            incident.alert,
            wanted.to_dict(),
            new_uid(),
            moment,
            "",
            (*ancestry, chain),
            dict(incident.body),
        )
        claimed = claim_number(where, record)
        if claimed is not None:
            return _told(wanted, _go_on(where, claimed))
    return _answer(wanted, "refused", f"busy: {_TRIES} others were faster")


def settle(store: Any, record: ActionRecord, *, note: bool = True) -> ActionRecord:
    """A record as it is now: runs that ended, and processes that died, are noted in it.

    Args:
        store: The store.
        record: As it was noted last.
        note: False: only read, write nothing.
    """
    starter = "" if record.over else starter_of(store, record)
    if not starter:
        return record
    if record.action["kind"] == "pipeline" or record.action.get("function"):
        if note:
            mark_lost(store, record.project)
        state, error = _run_state(store, record)
        if state in TERMINAL and not _alive(starter):
            ended = "completed" if state == "completed" else "failed"
            return _ended(store, record, Outcome(ended, error, {"run": record.uid}), note)
        if state:
            return replace(record, state="running", reason=f"run {record.uid} is {state}")
    if _alive(starter):
        return record
    if record.action["kind"] == "rollback":
        if not note:
            return replace(record, reason="its process was killed; it will be looked at again")
        outcome = rolled_back(Action.of(record.action), _incident(record), record, store)
        return _ended(store, record, outcome)
    text = "its process was killed; how far it came is not known, so it is not done again"
    return _ended(store, record, Outcome("lost", text), note)


def carry_out(store: Any, record: ActionRecord) -> ActionRecord:
    """Do the work of a record in this process, if nobody else has begun with it."""
    if not claim_start(store, record):
        return read_record(store, record.project, record.chain, record.number)
    action = Action.of(record.action)
    try:
        # the record is data: others than `execute` may have written it
        reason = unfit(action, record.project)
        if reason:
            return _ended(store, record, Outcome("failed", reason))
        outcome = _DOERS[action.kind](action, _incident(record), record, store)
    except MLRunLikeError as exc:
        outcome = Outcome("failed", str(exc))
    except Exception as exc:  # noqa: BLE001 - the boundary of user code: it must be recorded
        outcome = Outcome("failed", f"{type(exc).__name__}: {exc}")
    return _ended(store, record, outcome)


def _go_on(store: Any, record: ActionRecord) -> ActionRecord:
    if record.over or starter_of(store, record):
        return record
    here = config.guarded or record.action.get("where") == "here"
    if record.action["kind"] == "pipeline" and not here:
        _spawn(record)
        return record
    return carry_out(store, record)


def _spawn(record: ActionRecord) -> None:
    """Let a process of its own do it: training must not disturb who serves or watches."""
    folder = config.path("monitoring", "actions")
    folder.mkdir(parents=True, exist_ok=True)
    values = environment_copy()
    for name, value in config.changed().items():
        values[f"MLRUN_LIKE_{name.upper()}"] = str(value)
    command = [sys.executable, "-m", "mlrun_like.monitoring.actions.worker"]
    with open(folder / f"{record.uid}.log", "ab") as log:
        process = subprocess.Popen(
            [*command, record.project, record.chain, str(record.number)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=values,
            start_new_session=True,
        )
    _children[:] = [child for child in _children if child.poll() is None]
    _children.append(process)


def _ended(store: Any, record: ActionRecord, outcome: Outcome, note: bool = True) -> ActionRecord:
    links = {**record.links, **outcome.links}
    done = replace(record, state=outcome.state, reason=outcome.reason, ended=now(), links=links)
    try:
        return save(store, done) if note else done
    except ConflictError:  # the same project was deleted and made anew meanwhile
        return done


def _incident(record: ActionRecord) -> Incident:
    return replace(Incident.of(record.activated), id=record.activation)


def _run_state(store: Any, record: ActionRecord) -> tuple[str, str]:
    try:
        status = store.read_run(record.project, record.uid)["status"]
    except NotFoundError:
        return "", ""
    return str(status.get("state") or ""), str(status.get("error") or "")


def _alive(mark: str) -> bool:
    """Whether the process of a mark lives; one on another machine counts as alive."""
    try:
        host, pid, started = mark.split(" ")
        return host != socket.gethostname() or process_alive(int(pid), float(started))
    except ValueError:
        return False


def _told(action: Action, record: ActionRecord) -> dict[str, Any]:
    return {
        **_answer(action, record.state, record.reason),
        "key": record.key,
        "uid": record.uid,
        "links": dict(record.links),
    }


def _answer(action: Action, state: str, reason: str) -> dict[str, Any]:
    return {
        "kind": action.kind,
        "name": action.name,
        "key": "",
        "state": state,
        "reason": reason,
        "uid": "",
        "links": {},
    }
