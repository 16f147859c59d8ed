"""Seams are small, and all errors stand in one tree."""

from __future__ import annotations

import importlib
import inspect
from abc import ABC
from typing import Any

from mlrun_like import errors
from mlrun_like.errors import MLRunLikeError

MOST_METHODS = 8


def _classes(sources: list[Any]) -> list[type]:
    found = []
    for source in sources:
        if source.name.endswith("__main__"):
            continue
        module = importlib.import_module(source.name)
        found += [
            value
            for value in vars(module).values()
            if inspect.isclass(value) and value.__module__ == source.name
        ]
    return found


def test_abstract_classes_have_at_most_eight_abstract_methods(sources: list[Any]) -> None:
    seams = 0
    for cls in _classes(sources):
        own = [
            name for name, value in vars(cls).items() if getattr(value, "__isabstractmethod__", 0)
        ]
        seams += bool(own)
        assert len(own) <= MOST_METHODS, f"{cls.__qualname__}: {own}"
    assert seams >= 4, "this test looks at nothing"


def test_only_abstract_base_classes_have_abstract_methods(sources: list[Any]) -> None:
    for cls in _classes(sources):
        own = [n for n, value in vars(cls).items() if getattr(value, "__isabstractmethod__", 0)]
        assert not own or issubclass(cls, ABC) or getattr(cls, "_is_protocol", False), cls


def _tree(base: type[MLRunLikeError]) -> list[type[MLRunLikeError]]:
    below = [inner for sub in base.__subclasses__() for inner in _tree(sub)]
    return [base, *below]


def test_every_exception_of_the_package_is_in_the_tree(sources: list[Any]) -> None:
    for cls in _classes(sources):
        if issubclass(cls, Warning):  # warnings are not raised; each lives where it is given
            continue
        # what only derives from BaseException is a signal that handlers must let pass, not an error
        if issubclass(cls, Exception) and not cls.__name__.startswith("_"):
            if cls.__module__.startswith("mlrun_like.compat.adapted."):
                continue  # those that old code raises and catches: nothing of ours does
            assert issubclass(cls, MLRunLikeError), cls
            assert cls.__module__.startswith("mlrun_like.errors."), cls


def test_codes_are_unique() -> None:
    classes = [cls for cls in _tree(MLRunLikeError) if cls.__module__ == errors.__name__]
    own = [cls.__dict__["code"] for cls in classes]
    assert len(set(own)) == len(own) == len(classes)


def test_every_error_is_drawn_under_its_parent() -> None:
    drawing = [line for line in (errors.__doc__ or "").splitlines() if "Error" in line]
    depths: dict[str, tuple[int, list[str]]] = {}
    path: list[tuple[int, str]] = []
    for line in drawing:
        words = line.lstrip(" │├└─").split()
        if not words or not words[0].endswith("Error"):
            continue
        depth = line.index(words[0])
        path = [item for item in path if item[0] < depth]
        depths[words[0]] = (depth, [name for _, name in path])
        path.append((depth, words[0]))
    for cls in _tree(MLRunLikeError):
        if cls.__module__ != errors.__name__:
            continue
        assert cls.__name__ in depths, f"{cls.__name__} is not drawn"
        assert cls.__name__ in errors.__all__
        parents = depths[cls.__name__][1]
        assert not parents or parents[-1] == cls.__bases__[0].__name__
