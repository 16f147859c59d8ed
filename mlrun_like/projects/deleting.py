"""The end of a project."""

from __future__ import annotations

from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.projects.current import get_current_project, set_current_project
from mlrun_like.projects.secrets import FileSecrets
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore

__all__ = ["STRATEGIES", "content_to_delete", "delete_project"]

STRATEGIES = ("restrict", "cascade", "check")


def delete_project(
    name: str,
    deletion_strategy: str = "restrict",
    *,
    missing_ok: bool = False,
    store: FullStore | None = None,
) -> dict[str, int]:
    """Delete a project.

    Files that it left are removed by `mlrun-like gc`; its folder and its remote stay.

    Args:
        name: The project.
        deletion_strategy: `restrict`: only if it has no runs, artifacts, functions and schedules;
            `cascade`: with all of them; `check`: only see whether `restrict` would work.
        missing_ok: Do not mind if there is none.
        store: Another store than the configured one, to which the project's secrets belong.

    Returns:
        How many records of each kind it had.

    Raises:
        ConflictError: if it has records and they may not be deleted, or a run of it goes on.
        NotFoundError: if there is none of that name.
    """
    own = open_store()
    store = store or own
    content = content_to_delete(name, deletion_strategy, missing_ok=missing_ok, store=store)
    if deletion_strategy == "check" or not (store.list_projects(name) or any(content.values())):
        return content
    store.delete_project(name)
    if store is not own:
        return content
    secrets = FileSecrets()
    secrets.write(name, dict.fromkeys(secrets.read(name)))
    current = get_current_project(silent=True)
    if current is not None and current.name == name:
        set_current_project(None)
    return content


def content_to_delete(
    name: str,
    deletion_strategy: str = "restrict",
    *,
    missing_ok: bool = False,
    store: FullStore | None = None,
) -> dict[str, int]:
    """What `delete_project` would delete; nothing is changed. Arguments and errors as there."""
    if deletion_strategy not in STRATEGIES:
        raise InvalidArgumentError(
            f"deletion strategy {deletion_strategy!r} is unknown",
            fix=f"use one of: {', '.join(STRATEGIES)}",
        )
    store = store or open_store()
    content = store.project_content(name)
    if not (store.list_projects(name) or any(content.values())):
        if missing_ok:
            return content
        raise NotFoundError(
            f"there is no project {name!r}", where=repr(store), fix="mlrun-like projects list"
        )
    if content["running"]:
        raise ConflictError(
            f"{content['running']} runs of project {name!r} have not ended",
            where=repr(store),
            fix=f"mlrun-like get runs --project {name}   shows them; mlrun-like abort ends one",
        )
    held = {what: count for what, count in content.items() if count}
    if held and deletion_strategy != "cascade":
        shown = ", ".join(f"{count} {what}" for what, count in held.items())
        raise ConflictError(
            f"project {name!r} is not empty: {shown}",
            where=repr(store),
            fix='deletion_strategy="cascade" deletes them too',
        )
    return content
