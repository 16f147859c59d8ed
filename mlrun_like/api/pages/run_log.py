"""The log of a run: its end, live; searched, wrapped, downloaded."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import SECURITY, fragment
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import bytes_shown, empty, live, toolbar, whole
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.drawing.markup import Html, element
from mlrun_like.specs.run import TERMINAL
from mlrun_like.types import Document

__all__ = ["ROUTES", "log_part", "log_text"]

ROUTES = Routes("pages-log", page=True)
_READ = Needs("log", "read")
_ONE = "/projects/{project}/runs/{uid}/log"
_TAIL = 48 * 1024
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


def log_text(data: bytes, *, is_cut: bool = False) -> str:
    """A piece of a log as text: no colours of terminals, whole lines, last state of progress bars.

    >>> log_text(b"a\\x1b[31mb\\x1b[0m\\r\\nx\\ry\\n")
    'ab\\ny\\n'
    """
    words = _COLOURS.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
    if is_cut and "\n" in words:
        words = words.partition("\n")[2]
    return "\n".join(line.rpartition("\r")[2] for line in words.split("\n"))


def log_part(request: Request, run: Document) -> Html:
    """The tools and the end of the log."""
    metadata = run["metadata"]
    base = project_path(metadata["project"], "runs", metadata["uid"])
    find = element("input", type="search", data_log_search="log", aria_label="search in the log",
                   placeholder="Search the log", data_script="", hidden="hidden")  # fmt: skip
    tools = toolbar(
        find, element("span", "", class_="note", role="status"),
        element("button", "Wrap lines", type="button", data_wrap="log", aria_pressed="false",
                data_script="", hidden="hidden"),
        element("button", "Follow the end", type="button", data_end="log", data_script="",
                hidden="hidden"),
        element("a", "Download", href=f"{base}/log/whole", class_="button push", download=""),
    )  # fmt: skip
    box = element("div", _tail(request, run), id="log", class_="log", data_follow="on",
                  tabindex="0", role="region", aria_label="log")  # fmt: skip
    return element("section", tools, box, aria_label="log of the run")


def _tail(request: Request, run: Document) -> Html:
    metadata, store = run["metadata"], store_of(request)
    project, uid = metadata["project"], metadata["uid"]
    size = store.log_size(project, uid)
    begin = max(0, size - _TAIL)
    words = log_text(store.read_log(project, uid, begin), is_cut=begin > 0)
    is_over = (run.get("status") or {}).get("state") in TERMINAL
    base = project_path(project, "runs", uid)
    where, grows = f"/fragments{base}/log", f"/api/v1{base}/log/follow?tail=0"
    if not words:
        told = "This run wrote no log." if is_over else "No line yet; they appear here."
        return live(where, empty(told), seconds=2, key="tail", is_over=is_over, hears=grows)
    earlier: Html | str = ""
    if begin:
        note = f"The last {bytes_shown(_TAIL)} of {bytes_shown(size)}; the download has all."
        earlier = Html(f"<pre>… {whole(note)}</pre>")
    return live(where, earlier, Html(f"<pre>{whole(words)}</pre>"), seconds=2, key="tail",
                is_over=is_over, hears=grows)  # fmt: skip


@ROUTES.get("/fragments" + _ONE, needs=_READ, summary="The end of a log, live", name="log_fragment")
def log_fragment(request: Request, project: str, uid: str) -> Response:
    """The end of the log alone."""
    return fragment(request, _tail(request, store_of(request).read_run(project, uid)))


@ROUTES.get(_ONE + "/whole", needs=_READ, summary="The whole log as a file", name="log_file")
def log_file(request: Request, project: str, uid: str) -> Response:
    """All of the log, as it was written."""
    store = store_of(request)
    store.read_run(project, uid)
    headers = {
        **SECURITY,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(uid, safe='')}.log",
    }
    return Response(store.read_log(project, uid), headers=headers, media_type="text/plain")
