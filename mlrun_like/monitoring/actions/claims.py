"""Claims in the store: who may start an action, once and for ever.

All that an action of an alert ever began stands in one chain of numbered records. Whoever wants to
begin reads the chain, asks the guards, and claims the next number; if somebody else was faster, the
chain has changed, and the guards are asked again. So cool-down, limit and "once for an activation"
hold with any number of processes. Before the work itself starts, the start is claimed too: a
process that takes over from one that was killed knows by it whether anything can have begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mlrun_like.errors import ConflictError, EngineError, NotFoundError
from mlrun_like.names import new_uid
from mlrun_like.schedules.firing import own_mark
from mlrun_like.tracking.abilities import DocumentStore
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = [
    "ENDED",
    "ActionRecord",
    "action_store",
    "chain_of",
    "claim_number",
    "claim_start",
    "read_chain",
    "read_record",
    "save",
    "starter_of",
]

KIND = "monitoring-action"
_START = "monitoring-action-start"
ENDED = ("completed", "failed", "lost")
"""States that never change again."""


@dataclass(frozen=True)
class ActionRecord:
    """One begin of an action.

    Args:
        project: The project.
        chain: `<alert>.<action>`.
        number: Its place in the chain, from 1.
        activation: The activation that it belongs to.
        alert: The alert.
        action: The action as plain data.
        uid: The run that it starts, known before it exists.
        time: When it was claimed, seconds since 1970.
        by: Who claimed it.
        ancestry: The chains that led to it: its own, and those of the run it reacts to.
        activated: The activation as plain data.
        state: `starting`, `running`, `completed`, `failed` or `lost`.
        reason: Why it is in this state.
        ended: When it ended, seconds since 1970; 0: not yet.
        links: What came of it, by name: run, dataset, model version, ...
    """

    project: str
    chain: str
    number: int
    activation: str
    alert: str
    action: Mapping[str, Any]
    uid: str
    time: float
    by: str
    ancestry: tuple[str, ...] = ()
    activated: Mapping[str, Any] = field(default_factory=dict)
    state: str = "starting"
    reason: str = ""
    ended: float = 0.0
    links: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes it once only: `<chain>#<number>`."""
        return f"{self.chain}#{self.number}"

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ENDED

    def to_document(self) -> dict[str, Any]:
        """As the store keeps it: what is claimed in `spec`, what becomes of it in `status`."""
        spec = asdict(self)
        spec["ancestry"] = list(self.ancestry)
        status = {word: spec.pop(word) for word in ("state", "reason", "ended", "links")}
        labels = {"alert": self.alert, "activation": self.activation, "run": self.uid}
        metadata = {"name": spec.pop("chain"), "project": spec.pop("project"), "labels": labels}
        return {"kind": KIND, "metadata": metadata, "spec": spec, "status": status}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ActionRecord:
        """Read what `to_document` wrote."""
        meta = document["metadata"]
        values = {**document["spec"], **document.get("status", {})}
        values["ancestry"] = tuple(values.get("ancestry") or ())
        return cls(project=meta["project"], chain=meta["name"], **values)


def action_store(store: Store | None = None) -> Any:
    """The store (None: the configured one), if it can keep claims.

    Raises:
        EngineError: if it cannot.
    """
    found = store if store is not None else open_store()
    if not isinstance(found, DocumentStore):
        raise EngineError(
            f"{type(found).__name__} keeps no claims of actions",
            fix="use a tracking store in SQLite or PostgreSQL",
        )
    return found


def chain_of(alert: str, action: str) -> str:
    """The name of the chain of an alert's action."""
    return f"{alert}.{action}"


def read_chain(store: Any, project: str, chain: str = "") -> list[ActionRecord]:
    """All begins of an action (chain empty: of all actions of the project), oldest first."""
    found: dict[tuple[str, int], ActionRecord] = {}
    for document in store.list_documents(KIND, project, chain, tag="*"):
        record = ActionRecord.of(document)
        found[record.chain, record.number] = record
    return sorted(found.values(), key=lambda record: (record.time, record.number))


def read_record(store: Any, project: str, chain: str, number: int) -> ActionRecord:
    """One begin. Raises NotFoundError."""
    return ActionRecord.of(store.read_document(KIND, project, chain, tag=_tag(number)))


def claim_number(store: Any, record: ActionRecord) -> ActionRecord | None:
    """Take a number of a chain; None if somebody else has it."""
    # two processes that claim alike must not look alike: the mark and the uid are part of it
    mine = replace(record, by=own_mark(), uid=record.uid or new_uid())
    return mine if _publish(store, mine.to_document(), _tag(mine.number)) else None


def save(store: Any, record: ActionRecord) -> ActionRecord:
    """Record what became of it."""
    store.store_document(KIND, record.to_document(), _tag(record.number))
    return record


def claim_start(store: Any, record: ActionRecord) -> bool:
    """Take the one right to do the work of a record; False if somebody had it already."""
    spec = {"by": own_mark(), "token": new_uid()}
    metadata = {"name": record.chain, "project": record.project}
    document = {"kind": _START, "metadata": metadata, "spec": spec}
    return _publish(store, document, _tag(record.number))


def starter_of(store: Any, record: ActionRecord) -> str:
    """The mark of the process that took that right; empty: none has."""
    try:
        document = store.read_document(
            _START, record.project, record.chain, tag=_tag(record.number)
        )
    except NotFoundError:
        return ""
    return str(document["spec"]["by"])


def _tag(number: int) -> str:
    return f"n{number}"


def _publish(store: Any, document: dict[str, Any], tag: str) -> bool:
    try:
        store.store_document(document["kind"], document, tag, fixed=True)
    except ConflictError:
        return False
    return True
