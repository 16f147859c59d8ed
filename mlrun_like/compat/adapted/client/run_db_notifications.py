"""Notifications of runs and pipelines under the names of MLRun's client."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import project_of, several
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.notifications.sending import send
from mlrun_like.registry import resolve
from mlrun_like.specs.notification import (
    MASK,
    Notification,
    is_reference,
    read_notifications,
)
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import using_store
from mlrun_like.types import Document

__all__ = ["NotificationCalls", "forget_secrets"]

_PROVIDER = "mlrun_like.projects.secrets:provider_of"


class NotificationCalls:
    """What `RunDB` does with notifications."""

    store: FullStore

    def set_run_notifications(
        self, project: str, run_uid: str, notifications: Sequence[Any] | None = None
    ) -> None:
        """Record who is told about a run, in place of those before; `push_run_notifications`
        tells them. Secret values become secrets of the project.

        Args:
            project: The run's project.
            run_uid: The run.
            notifications: None: nobody.

        Raises:
            InvalidArgumentError: if one cannot be recorded.
        """
        place, found = project_of(project), read_notifications(list(notifications or ()))
        document = self.store.read_run(place, run_uid)
        spec, owner = document.setdefault("spec", {}), f"run/{run_uid}"
        with self._recorded(place, owner, found, spec.get("notifications")) as rows:
            spec["notifications"] = rows
            self.store.store_run(document, wait=True)

    def set_schedule_notifications(
        self, project: str, schedule_name: str, notifications: Sequence[Any] | None = None
    ) -> None:
        """Record who is told about the runs of a schedule from now on; as for a run."""
        place, found = project_of(project), read_notifications(list(notifications or ()))
        document = self.store.read_schedule(place, schedule_name)
        paused = bool(document.get("paused"))
        spec = document["spec"]["run"].setdefault("spec", {})
        owner = f"schedule/{schedule_name}"
        with self._recorded(place, owner, found, spec.get("notifications")) as rows:
            spec["notifications"] = rows
            self.store.store_schedule(document, None)
        resolve("mlrun_like.schedules.define:set_paused")(
            self.store, document["project"], schedule_name, paused
        )  # with its next time

    def push_run_notifications(self, uid: str, project: str = "", timeout: int = 45) -> None:
        """Send the notifications of a run now, those for its state; what became of them is
        recorded in its `status.notifications`."""
        del timeout
        place = project_of(project)
        document = self.store.read_run(place, uid)
        state = str((document.get("status") or {}).get("state") or "")
        told = (document.get("spec") or {}).get("notifications") or []
        due = [item for item in read_notifications(list(told)) if state in item.when]
        self._send(place, document, due)

    def push_pipeline_notifications(
        self, pipeline_id: str, project: str = "", notifications: Any = None, timeout: int = 45
    ) -> None:
        """Send notifications about a pipeline's run now."""
        del timeout
        place = project_of(project)
        document = self.store.read_run(place, pipeline_id)
        self._send(place, document, read_notifications(several(notifications)))

    def store_run_notifications(
        self, notification_objects: Any, run_uid: str, project: str | None = None,
        mask_params: bool = True,
    ) -> None:  # fmt: skip
        """Nothing, as in MLRun's client: a run records its notifications itself."""

    def store_alert_notifications(
        self, session: Any, notification_objects: Any, alert_id: str, project: str,
        mask_params: bool = True,
    ) -> None:  # fmt: skip
        """Nothing, as in MLRun's client: an alert's configuration has its notifications."""

    @contextmanager
    def _recorded(
        self, project: str, owner: str, notifications: Sequence[Notification], before: Any
    ) -> Iterator[list[Document]]:
        """Around the recording of this plain data: secret values go to the project's secrets, and
        those that are not named any more, or not recorded, are removed from there."""
        rows: list[Document] = []
        kept: dict[str, str] = {}
        for item in notifications:
            row = item.public()
            for key, value in item.secret_params.items():
                if is_reference(value):
                    continue
                if isinstance(value, Mapping):
                    value = _json(value)  # headers
                if not isinstance(value, str) or value == MASK:
                    raise InvalidArgumentError(
                        f"the secret {key!r:.60} of notification {item.name!r:.60} is no text that "
                        "can be kept",
                        fix=f'name a secret: secret_params={{"{key:.60}": {{"secret": "MINE"}}}}',
                    )
                name = _name(owner, item.name, key)  # a later value takes its place
                kept[name], row["secret_params"][key] = value, {"secret": name}
            rows.append(row)
        old = _own_secrets(owner, before)
        if kept:
            _write(self.store, project, kept)
        try:
            yield rows
        except BaseException:
            _write(self.store, project, dict.fromkeys(kept.keys() - old))
            raise
        _write(self.store, project, dict.fromkeys(old - _own_secrets(owner, rows)))

    def _send(self, project: str, document: Document, due: Sequence[Any]) -> None:
        with using_store(self.store):
            secrets: Mapping[str, str] = resolve(_PROVIDER)().read(project)
        found = {item.name: send(item, [document], secrets) for item in due}
        if found:
            status = document.setdefault("status", {})
            status["notifications"] = {**(status.get("notifications") or {}), **found}
            self.store.store_run(document, wait=True)


def forget_secrets(store: FullStore, project: str, owner: str, before: Any, now: Any = ()) -> None:
    """Remove the secrets that were made for notifications which are not recorded any more.

    Args:
        store: Where the project is.
        project: The project.
        owner: `run/<uid>` or `schedule/<name>`.
        before: Its notifications, as they were recorded.
        now: Those that it has now.
    """
    _write(store, project, dict.fromkeys(_own_secrets(owner, before) - _own_secrets(owner, now)))


def _own_secrets(owner: str, rows: Any) -> set[str]:
    return {
        name
        for row in rows or ()
        for key, value in (row.get("secret_params") or {}).items()
        if is_reference(value)
        and value["secret"] == (name := _name(owner, str(row.get("name")), key))
    }


def _name(owner: str, notification: str, key: str) -> str:
    digest = hashlib.sha256(f"{owner}/{notification}/{key}".encode()).hexdigest()
    return f"NOTIFICATION_{digest[:24].upper()}"


def _json(value: Mapping[str, Any]) -> str | None:
    try:
        return json.dumps(dict(value))
    except (TypeError, ValueError):
        return None  # no text


def _write(store: FullStore, project: str, values: Mapping[str, str | None]) -> None:
    if values:
        with using_store(store):
            resolve(_PROVIDER)().write(project, values)
