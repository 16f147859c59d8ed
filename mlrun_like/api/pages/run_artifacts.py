"""What a run made, previewed on its page."""

from __future__ import annotations

from starlette.requests import Request

from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.previews import preview_part
from mlrun_like.api.pages.words import address, bytes_shown, empty
from mlrun_like.api.routing import store_of
from mlrun_like.drawing.markup import Html, element, joined
from mlrun_like.drawing.page import fold
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.types import Document

__all__ = ["artifacts_part"]

_MOST = 60
_OPEN = 4


def artifacts_part(request: Request, run: Document) -> Html:
    """Each artifact of the run, the first ones open."""
    metadata = run["metadata"]
    project, uid = metadata["project"], metadata["uid"]
    found = store_of(request).list_artifacts(
        ArtifactQuery(project=project, tree=uid, iteration=metadata.get("iteration") or None,
                      limit=_MOST)
    )  # fmt: skip
    if not found:
        return empty("This run logged no artifact.",
                     "context.log_dataset(), log_model() and log_artifact() do.")  # fmt: skip
    parts = []
    for at, document in enumerate(found):
        spec, key = document.get("spec") or {}, document["metadata"]["key"]
        where = address(
            project_path(project, "artifacts", spec.get("db_key") or key), {"tree": uid}
        )
        top = element("p", element("a", "Open its page", href=where), " · ",
                      document.get("kind") or "artifact", " · ", bytes_shown(spec.get("size")),
                      class_="note")  # fmt: skip
        body = preview_part(request, project, document, rows=10) if at < _OPEN else ""
        parts.append(fold(str(key), top, body, is_open=at < _OPEN))
    more = element("p", f"The newest {_MOST} are shown.", class_="note")
    return joined([*parts, more if len(found) == _MOST else ""])
