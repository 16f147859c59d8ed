"""What may be written: one small function per kind of operation.

An operation is `(kind, payload)` of plain data, so it can wait in a queue or as a line in a spool
file. Every one is idempotent: delivering it again, or late, changes nothing for the worse.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlrun_like.errors import NotFoundError, StateError
from mlrun_like.specs.run import TERMINAL, TRANSITIONS, check_transition
from mlrun_like.tracking.documents import merge_runs, now_iso
from mlrun_like.tracking.transaction import Transaction

__all__ = ["Operation", "apply", "metric_rows", "move_state"]

Operation = tuple[str, Any]


def apply(tx: Transaction, operation: Operation) -> None:
    """Execute one operation."""
    _APPLY[operation[0]](tx, operation[1])


# runs


def _run(tx: Transaction, payload: Mapping[str, Any]) -> None:
    row = dict(payload)
    passed = row.pop("passed", ())  # records that this one stands for
    key = {"_project": row["project"], "_uid": row["uid"], "_iter": row["iter"]}
    found = tx.row("find_run", **key)
    if found is None:
        started = row["started"] or row["updated"]
        tx.run("insert_run", **{**row, "started": started})
        if tx.cursor.rowcount == 0:  # another process was faster; PostgreSQL only
            return _run(tx, payload)
        run_id, labels, before = tx.row("find_run", **key)[0], "", started
    else:
        run_id, state, labels, before = found
        if passed and not _leads(state, [*(item["state"] for item in passed), row["state"]]):
            for item in (*passed, row):
                _run(tx, {name: value for name, value in item.items() if name != "passed"})
            return None
        started = row["started"] or before
        last = passed[-1]["state"] if passed else state
        _replace_run(tx, run_id, last, {**row, "started": started})
    tx.memory[row["project"], row["uid"], row["iter"]] = run_id
    if labels != row["labels"] or (labels and started != before):
        if labels:
            tx.run("drop_run_labels", _run_id=run_id)
        if row["labels"]:
            tx.many(
                "insert_run_label",
                [
                    (row["project"], name, value, started, run_id)
                    for name, value in json.loads(row["labels"]).items()
                ],
            )
    return None


def _leads(state: str, following: Iterable[str]) -> bool:
    """Whether they may follow, one after the other."""
    for after in following:
        if state in TERMINAL or (state and state != after and after not in TRANSITIONS[state]):
            return False
        state = after
    return True


def _replace_run(tx: Transaction, run_id: int, state: str, row: dict[str, Any]) -> None:
    legal = not state or state == row["state"] or row["state"] in TRANSITIONS.get(state, ())
    if state in TERMINAL or not legal:
        recorded = json.loads(tx.row("run_body", _run_id=run_id)[0])
        merged = merge_runs(recorded, json.loads(row["body"]), keep_state=state != row["state"])
        row["body"] = json.dumps(merged, separators=(",", ":"))
        row["state"] = state
    tx.run("update_run", **row, _run_id=run_id)


def _state(tx: Transaction, payload: Mapping[str, Any]) -> None:
    """A late change of state: one that is not legal any more is void."""
    try:
        move_state(tx, **payload)
    except (NotFoundError, StateError):
        return


def move_state(
    tx: Transaction, project: str, uid: str, iteration: int, state: str, error: str
) -> None:
    """Move a run to a legal next state.

    Raises:
        NotFoundError: if there is no such run.
        StateError: if the state may not follow.
    """
    where = f"{project}@{uid}#{iteration}"
    found = tx.row("find_run", _project=project, _uid=uid, _iter=iteration)
    if found is None or not found[1]:
        raise NotFoundError("there is no such run", where=where)
    run_id, before = found[0], found[1]
    check_transition(before, state, where)
    if before == state and not error:
        return
    document = json.loads(tx.row("run_body", _run_id=run_id)[0])
    status = document.setdefault("status", {})
    moment = now_iso()
    status.update(state=state, last_update=moment)
    if error:
        status["error"] = error
    ended = None
    if state in TERMINAL:
        ended = time.time()
        status.setdefault("end_time", moment)
    tx.run(
        "change_state",
        _run_id=run_id,
        state=state,
        updated=time.time(),
        ended=ended,
        body=json.dumps(document, separators=(",", ":")),
    )


def _beat(tx: Transaction, payload: Mapping[str, Any]) -> None:
    tx.run(
        "beat",
        _project=payload["project"],
        _uid=payload["uid"],
        _iter=payload["iter"],
        heartbeat=payload["time"],
    )


# metrics


def _run_id(tx: Transaction, project: str, uid: str, iteration: int) -> int:
    run_id = tx.memory.get((project, uid, iteration))
    if run_id is None:
        key = {"_project": project, "_uid": uid, "_iter": iteration}
        found = tx.row("find_run", **key)
        if found is None:
            # points came before their run (it waits in a spool elsewhere): hold the place
            now = time.time()
            tx.run(
                "insert_run",
                project=project,
                uid=uid,
                iter=iteration,
                name="",
                state="",
                function="",
                kind="",
                host="",
                pid=0,
                pid_started=0.0,
                started=now,
                updated=now,
                ended=None,
                labels="",
                body="",
            )
            found = tx.row("find_run", **key)
        run_id = tx.memory[project, uid, iteration] = int(found[0])
    return run_id


def _key_id(tx: Transaction, name: str) -> int:
    key_id = tx.memory.get(name)
    if key_id is None:
        found = tx.row("find_key", _name=name)
        if found is None:
            tx.run("insert_key", name=name)
            found = tx.row("find_key", _name=name)
        key_id = tx.memory[name] = int(found[0])
    return key_id


def metric_rows(tx: Transaction, payload: Any) -> list[tuple[Any, ...]]:
    """The rows of an operation "metrics"."""
    project, uid, iteration, points = payload
    run_id = _run_id(tx, project, uid, iteration)
    ids = {name: _key_id(tx, name) for name in {point[0] for point in points}}
    return [
        (run_id, ids[key], int(step), float(moment), float(value), 0)
        if value == value
        else (run_id, ids[key], int(step), float(moment), 0.0, 1)
        for key, value, step, moment in points
    ]


# artifacts and functions


def _artifact(tx: Transaction, payload: Mapping[str, Any]) -> None:
    row = payload["row"]
    key = {"_project": row["project"], "_key": row["key"], "_uid": row["uid"]}
    before = tx.row("find_artifact", **key)
    tx.run("insert_artifact", **row)
    found = tx.row("find_artifact", **key)
    if found is None:
        return  # deleted since: a late delivery does not bring it back
    labels = before[3] if before is not None else ""
    if labels != found[3] or (before is None and found[3]):
        tx.run("drop_artifact_labels", _artifact_id=found[0])
        if found[3]:
            tx.many(
                "insert_artifact_label",
                [(found[0], name, value) for name, value in json.loads(found[3]).items()],
            )
    for tag in payload["tags"]:
        _move_tag(tx, row["project"], row["key"], tag, found, row["updated"])


def _tag(tx: Transaction, payload: Mapping[str, Any]) -> None:
    found = tx.row(
        "find_artifact", _project=payload["project"], _key=payload["key"], _uid=payload["uid"]
    )
    if found is not None:
        _move_tag(tx, payload["project"], payload["key"], payload["tag"], found, payload["time"])


def _move_tag(tx: Transaction, project: str, key: str, tag: str, found: Any, moved: float) -> None:
    tx.run(
        "move_artifact_tag",
        project=project,
        key=key,
        iter=found[1],
        tag=tag,
        artifact_id=found[0],
        tree=found[2],
        moved=moved,
    )
    tx.run("drop_older_tags", _project=project, _key=key, _tag=tag, _tree=found[2], _moved=moved)


def _function(tx: Transaction, payload: Mapping[str, Any]) -> None:
    row = payload["row"]
    tx.run("insert_function", **row)
    for tag in payload["tags"]:
        tx.run(
            "move_function_tag",
            project=row["project"],
            name=row["name"],
            tag=tag,
            hash=row["hash"],
            moved=row["updated"],
        )


# logs and lineage


def _log(tx: Transaction, payload: Mapping[str, Any]) -> None:
    project, uid, token = payload["project"], payload["uid"], payload["token"]
    if tx.postgresql:
        # two processes must not take the same offset; SQLite has one writer anyway
        tx.row("lock_log", _name=f"{project}/{uid}")
    if tx.row("find_log_piece", _token=token) is not None:
        return
    offset = int(tx.row("log_size", _project=project, _uid=uid)[0])
    tx.run(
        "insert_log",
        project=project,
        uid=uid,
        offset=offset,
        size=len(payload["data"]),
        token=token,
        data=payload["data"],
    )


def _statement(name: str) -> Callable[[Transaction, Any], None]:
    """An operation that is one statement."""
    return lambda tx, payload: tx.run(name, **payload)


_APPLY: dict[str, Callable[[Transaction, Any], None]] = {
    "run": _run,
    "state": _state,
    "beat": _beat,
    "metrics": lambda tx, payload: tx.many("insert_metric", metric_rows(tx, payload)),
    "artifact": _artifact,
    "tag": _tag,
    "function": _function,
    "log": _log,
    "edge": _statement("insert_edge"),
    "step": _statement("put_step"),
    "cached": _statement("put_cached"),
}
