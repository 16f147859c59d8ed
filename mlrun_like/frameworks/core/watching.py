"""Watched models: the same object, whose `fit` and `predict` also tell a session.

The model's class is changed to one that its own class is the base of. It has the same name, and
pickles, copies and clones are plain models: nothing of the session travels with them.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Watcher", "plain", "unwatch", "watch"]

METHODS = ("fit", "predict", "predict_proba", "evaluate")


class Watcher(Protocol):
    """Who is told."""

    def called(self, method: str, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A method was called: call it, and return what it gives."""


_watchers: WeakKeyDictionary[Any, Watcher] = WeakKeyDictionary()


@functools.cache
def _watched_class(kind: Any, methods: tuple[str, ...]) -> Any:
    made = type(kind)(
        kind.__name__,
        (kind,),
        {
            "__module__": kind.__module__,
            "__qualname__": kind.__qualname__,
            "__doc__": kind.__doc__,
            "__reduce_ex__": _reduce_ex,
            "_mlrun_like_plain": kind,
        },
    )
    for name in methods:
        setattr(made, name, _method(name, kind, made))
    return made


def _reduce_ex(self: Any, protocol: Any) -> Any:
    """How the plain model is pickled and copied."""
    with plain(self):
        found = self.__reduce_ex__(protocol)
    # pickle compares the class that these two are given with the object's own
    name = getattr(found[0], "__name__", "") if isinstance(found, tuple) else ""
    if name == "__newobj__":
        return (found[1][0].__new__, *found[1:])
    if name == "__newobj_ex__":
        kind, args, kwargs = found[1]
        return (functools.partial(kind.__new__, kind, *args, **kwargs), (), *found[2:])
    return found


def _method(name: str, kind: Any, made: Any) -> Any:
    @functools.wraps(getattr(kind, name))
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = getattr(super(made, self), name)
        watcher = _watchers.get(self)
        if watcher is None:  # a clone
            return call(*args, **kwargs)
        return watcher.called(name, call, args, kwargs)

    return method


def watch(model: Any, watcher: Watcher) -> None:
    """Tell `watcher` of calls of the model's `fit`, `predict`, `predict_proba` and `evaluate`.

    Raises:
        InvalidArgumentError: if the model's class cannot be extended.
    """
    unwatch(model)
    kind: Any = type(model)
    methods = tuple(name for name in METHODS if hasattr(model, name) and hasattr(kind, name))
    try:
        model.__class__ = _watched_class(kind, methods)
        _watchers[model] = watcher
    except TypeError as exc:
        raise InvalidArgumentError(
            f"calls of a {kind.__name__} cannot be watched: {exc}",
            fix="log the model yourself: context.log_model(...)",
        ) from exc


def unwatch(model: Any) -> None:
    """Make it a plain model again."""
    kind = getattr(type(model), "_mlrun_like_plain", None)
    if kind is not None:
        model.__class__ = kind
        _watchers.pop(model, None)


@contextlib.contextmanager
def plain(model: Any) -> Iterator[Any]:
    """The model with its own class in the block, for what saves it."""
    made = type(model)
    kind = getattr(made, "_mlrun_like_plain", None)
    if kind is None:
        yield model
        return
    model.__class__ = kind
    try:
        yield model
    finally:
        model.__class__ = made
