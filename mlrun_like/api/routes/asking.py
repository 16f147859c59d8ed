"""What lists of runs are asked for by query parameters: MLRun's names, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import QueryParams

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.documents import epoch

__all__ = ["FORMS", "RunFilters", "clean"]

FORMS = ("full", "summary", "name_only")
_MOST = 1000
_LONGEST = 2000
_MANY = 200
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def clean(text: str, what: str) -> str:
    """A text that every store can look for.

    >>> clean("train", "name")
    'train'

    Raises:
        InvalidArgumentError: if it holds NUL or half a character, or is endless.
    """
    if len(text) > _LONGEST:
        raise InvalidArgumentError(f"{what} has {len(text)} characters", fix=f"at most {_LONGEST}")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidArgumentError(f"{what} holds what is no character")
    return text


@dataclass(frozen=True)
class RunFilters:
    """Which runs, in which order, which page.

    Args:
        project: The project; empty: all that the caller may see.
        name: Exact, or `~part`.
        uid: Any of these.
        labels: Label values; None: the label is there.
        states: Any of these.
        since: Started at or after this ISO time.
        until: Started at or before this ISO time.
        iterations: Whether iterations of sweeps are listed too.
        iteration: Exactly this iteration.
        deleted: Soft-deleted runs instead.
        sort: `start_time`, `last_update`, `duration`, `name`, `state` or `results.<key>`; `-` in
            front: descending.
        page_size: Rows of a page.
        token: From the page before.
    """

    project: str = ""
    name: str = ""
    uid: tuple[str, ...] = ()
    labels: Mapping[str, str | None] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    iterations: bool = False
    iteration: int | None = None
    deleted: bool = False
    sort: str = "-start_time"
    page_size: int = 100
    token: str = ""

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("sort", self.sort), ("project", self.project)):
            clean(text, what)
        for name, value in self.labels.items():
            clean(name, "label")
            clean(value or "", "label")
        for what, several in (("uid", self.uid), ("state", self.states)):
            if len(several) > _MANY:
                raise InvalidArgumentError(f"{len(several)} values of {what}", fix=f"up to {_MANY}")
            for text in several:
                clean(text, what)
        if len(self.labels) > 20:
            raise InvalidArgumentError(f"{len(self.labels)} labels", fix="ask for at most 20")
        epoch(clean(self.since, "since"), "since")
        epoch(clean(self.until, "until"), "until")

    @classmethod
    def of(cls, query: QueryParams, project: str = "") -> RunFilters:
        """The filters in a query.

        Args:
            query: Its parameters.
            project: The project of the path.

        Raises:
            InvalidArgumentError: if one of them cannot be used.
            SpecError: if a time is none.
        """
        labels: dict[str, str | None] = {}
        for item in query.getlist("label"):
            name, mark, value = item.partition("=")
            if name:
                labels[name] = value if mark else None
        iterations, iteration = _iterations(query)
        return cls(
            project=project,
            name=query.get("name", ""),
            uid=tuple(_several(query.getlist("uid"))),
            labels=labels,
            states=tuple(_several([*query.getlist("state"), *query.getlist("states")])),
            since=query.get("since") or query.get("start_time_from") or "",
            until=query.get("until") or query.get("start_time_to") or "",
            iterations=iterations,
            iteration=iteration,
            deleted=_flag(query, "deleted"),
            sort=query.get("sort") or "-start_time",
            page_size=_size(query),
            token=query.get("page-token") or query.get("page_token") or "",
        )


def _several(given: Iterable[str]) -> list[str]:
    """Values that are repeated or stand between commas, each once."""
    return list(dict.fromkeys(part for item in given for part in item.split(",") if part))


def _flag(query: QueryParams, name: str) -> bool:
    text = query.get(name, "").lower()
    if text and text not in (*_YES, *_NO):
        raise InvalidArgumentError(f"{name} {text[:40]!r} is neither true nor false")
    return text in _YES


def _iterations(query: QueryParams) -> tuple[bool, int | None]:
    """MLRun's `iter` is yes or no; `iteration` is a number."""
    text = query.get("iteration", "")
    if not text:
        return _flag(query, "iter"), None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidArgumentError(f"iteration {text[:40]!r} is no whole number")
    return False, int(text)


def _size(query: QueryParams) -> int:
    text = query.get("page-size") or query.get("page_size") or "100"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise InvalidArgumentError(
            f"page-size {text[:40]!r} cannot be used", fix=f"a whole number from 1 to {_MOST}"
        )
    return int(text[:9])
