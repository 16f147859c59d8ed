"""Functions under the names of MLRun's client."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.client.run_db_lists import Pages, between, one_page
from mlrun_like.compat.adapted.client.run_db_values import (
    has_labels,
    labels_of,
    plain,
    project_of,
    several,
    states_of,
    text_of,
)
from mlrun_like.tracking.full import FullStore

__all__ = ["FunctionCalls"]


class FunctionCalls:
    """What `RunDB` does with functions."""

    store: FullStore
    pages: Pages

    def store_function(
        self, function: Any, name: str = "", project: str = "", tag: str | None = None,
        versioned: bool = False,
    ) -> str:  # fmt: skip
        """Record a function; gives the hash of this version."""
        del versioned  # every version is kept
        document = plain(function)
        meta = dict(document.get("metadata") or {})
        meta["name"] = name or meta.get("name")
        meta["project"] = project_of(project or meta.get("project"))
        return self.store.store_function({**document, "metadata": meta}, tag=tag or "")

    def get_function(
        self, name: str, project: str = "", tag: str | None = None, hash_key: str = ""
    ) -> dict[str, Any]:
        """A function's document.

        Raises:
            NotFoundError: if there is none.
        """
        found = self.store.read_function(project_of(project), name, tag=tag or "", hash=hash_key)
        return dict(found)

    def list_functions(  # noqa: PLR0913 - MLRun's signature
        self, name: str | None = None, project: str | None = None, tag: str | None = None,
        labels: Any = None, since: Any = None, until: Any = None, kind: str | None = None,
        format_: Any = None, states: Any = None, **others: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Functions' documents, newest first.

        Args:
            name: Exact name, or `~part`.
            project: The project; `"*"`: all; by default the default project.
            tag: Only with this tag; by default all versions.
            labels: A mapping, or texts `name` and `name=value`.
            since: Changed then or later.
            until: Changed then or before.
            kind: Exactly this kind.
            format_: MLRun's; documents are always full.
            states: One state, or any of these.
            others: `page` and `page_size`, as of `paginated_list_functions`.
        """
        del format_
        wanted, kept = labels_of(labels), states_of(several(states))
        found = [
            item
            for item in self.store.list_functions(project_of(project), name or "", tag or "")
            if text_of(kind) in ("", item.get("kind"))
            and has_labels(item, wanted)
            and between((item.get("metadata") or {}).get("updated"), since, until)
            and (not kept or (item.get("status") or {}).get("state") in kept)
        ]
        return list(one_page("list_functions", found, others))

    def paginated_list_functions(self, *args: Any, **filters: Any) -> tuple[Any, str | None]:
        """A page of functions, and the token of the next one; None: there is none.

        Args:
            args: As for `list_functions`.
            filters: The same, with `page`, `page_size` (by default 200) and `page_token`.
        """
        return self.pages.page(self.list_functions, args, filters)

    def delete_function(self, name: str, project: str = "") -> None:
        """Delete a function's record with all versions and tags; one not there is fine."""
        self.store.delete_functions(project_of(project), name)
