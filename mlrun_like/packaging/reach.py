"""What a handler's result may depend on: a digest of all the code that it can reach.

Reached are the functions, classes, constants and imports of its module that it uses, and in turn
what those use; of local modules only what is used of them. Comments, layout, docstrings and
annotations that nothing reads do not count (see `normal`), nor does any other code of the same
files. Installed packages count by their versions, with those they need; Python by its minor
version. This package itself does not count.

What is looked up by a name that is only known when it runs (`getattr(module, text)`) is taken for
the whole module; data files that code reads by itself are not seen: give them as inputs.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from mlrun_like.errors import MLRunLikeError
from mlrun_like.packaging.environment import capture_environment
from mlrun_like.packaging.living import Living
from mlrun_like.packaging.normal import short_hash
from mlrun_like.packaging.origins import Finder, Source
from mlrun_like.packaging.source import plain_function
from mlrun_like.packaging.unpack import files_of
from mlrun_like.packaging.walking import Walk
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Reach", "reach_of_document", "reach_of_handler"]

_RACY = 2.0
"""Seconds within which a file may change without its time showing it."""


@dataclass(frozen=True)
class Reach:
    """What can be reached.

    Args:
        code: A digest or short value of each thing, by what it is: `code of 'clean' in prep.py`.
        packages: Versions of the installed packages that are imported, and of what they need.
        python: Minor version of Python.
        unknown: What could not be looked into, and why; such code equals no other.
    """

    code: Mapping[str, str]
    packages: Mapping[str, str]
    python: str
    unknown: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of it all."""
        rows = [*sorted(self.code.items()), *sorted(self.packages.items()), self.python]
        return hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()


class _Mark(NamedTuple):
    """A file as it was read; `content` while its time does not tell of changes."""

    path: str
    modified: int
    size: int
    content: str

    def holds(self) -> bool:
        try:
            now = os.stat(self.path)
        except OSError:
            return False
        if (now.st_mtime_ns, now.st_size) != (self.modified, self.size):
            return False
        return not self.content or _content(self.path) == self.content


class _Known(NamedTuple):
    marks: list[_Mark]
    living: Living | None
    reach: Reach

    def holds(self) -> bool:
        return all(m.holds() for m in self.marks) and (self.living is None or self.living.holds())


_handlers: WeakKeyDictionary[Any, dict[bool, _Known]] = WeakKeyDictionary()
_documents: OrderedDict[str, _Known] = OrderedDict()
_KEPT = 256


def reach_of_handler(handler: Callable[..., Any], *, live: bool = True) -> Reach:
    """What a live function or class can reach.

    Args:
        handler: The function; of a decorated `@function` the function in it.
        live: It runs in this process: values of constants are those of now, and a file that was
            edited since it was imported makes its code unknown. False: its text is what counts.

    >>> from mlrun_like.packaging import plain
    >>> reach = reach_of_handler(plain.plain_token)
    >>> "code of 'plain_token' in mlrun_like/packaging/plain.py" in reach.code
    True
    """
    target = plain_function(handler)
    try:
        known = _handlers.get(target, {}).get(live)
    except TypeError:  # no weak references to it, or no hash
        return _of_handler(target, live).reach
    if known is None or not known.holds():
        known = _of_handler(target, live)
        _handlers.setdefault(target, {})[live] = known
    return known.reach


def reach_of_document(document: FunctionDoc, handler: str = "") -> Reach:
    """What a handler of a function can reach that exists as a document, from its source.

    Args:
        document: The function.
        handler: `func`, `Class::method` or `module.func`; by default the function's own; without
            any, the whole file.
    """
    wanted = handler or document.spec.default_handler
    build = document.spec.build
    key = short_hash(
        repr((wanted, build.functionSourceCode, sorted(build.modules.items()), build.origin_module,
              document.spec.command, document.spec.workdir, document.spec.pythonpath))
    )  # fmt: skip
    known = _documents.get(key)
    if known is None or not known.holds():
        known = _documents[key] = _of_document(document, wanted)
        if len(_documents) > _KEPT:
            _documents.popitem(last=False)
    return known.reach


def _of_handler(target: Any, live: bool) -> _Known:
    began = time.time()
    finder = Finder()
    living = Living(live)
    walk = Walk(finder, living)
    try:
        living.start(walk, target)
        walk.finish()
    except (MLRunLikeError, OSError) as exc:
        walk.unknown.append(str(exc))
    except RecursionError:
        walk.unknown.append("the code is nested too deep to be compared")
    walk.unknown += living.unknown
    return _Known(_marks(finder, began), living, _reach(walk))


def _of_document(document: FunctionDoc, wanted: str) -> _Known:
    began = time.time()
    spec = document.spec
    base = Path(spec.workdir or ".").expanduser()
    roots = [base / spec.pythonpath] if spec.pythonpath else []
    finder, walk = Finder(roots), Walk(Finder(roots))
    try:
        if spec.build.functionSourceCode:
            files, main = files_of(document)
            finder = Finder(roots, files)
            name = main.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            source = finder.find(name)
        else:
            path = (base / Path(spec.command).expanduser()).absolute()
            finder = Finder([*roots, path.parent])
            source = ""
            if path.suffix == ".py" and path.is_file():
                source = finder.read(path, path.name, path.stem, "")
        walk = Walk(finder)
        _begin(walk, source, wanted)
        walk.finish()
    except (MLRunLikeError, OSError) as exc:
        walk.unknown.append(str(exc))
    except RecursionError:
        walk.unknown.append("the code is nested too deep to be compared")
    return _Known(_marks(finder, began), None, _reach(walk))


def _begin(walk: Walk, source: Source | str, wanted: str) -> None:
    name = wanted.partition("::")[0].rpartition(":")[2]
    first, _, rest = name.partition(".")
    if isinstance(source, Source) and not name:
        walk.need_all(source, main=True)
    elif isinstance(source, Source) and (first in source.providers or not rest):
        if first not in source.providers and not source.stars:
            walk.unknown.append(f"there is no {first!r} in {source.label}")
        walk.need(source, first, annotations=True)
    elif rest:
        module, _, last = name.rpartition(".")
        found = walk.finder.find(module)
        if not found:
            walk.unknown.append(f"module {module!r} of handler {wanted!r} is not here")
        walk.use_module(module, (last,))
    else:
        walk.unknown.append("its code is not here: it is a program, or part of an image or archive")


def _reach(walk: Walk) -> Reach:
    lock = capture_environment((), sorted(walk.tops)).lock if walk.tops else {}
    missing = {top: "not installed" for top in walk.tops if not lock and top}
    return Reach(
        dict(sorted(walk.code.items())),
        {**missing, **lock},
        f"{sys.version_info.major}.{sys.version_info.minor}",
        tuple(dict.fromkeys(walk.unknown)),
    )


def _marks(finder: Finder, began: float) -> list[_Mark]:
    found = []
    for path in map(str, finder.files):
        try:
            stat = os.stat(path)
            racy = stat.st_mtime > began - _RACY
            content = _content(path) if racy else ""
        except OSError:
            found.append(_Mark(path, -1, -1, ""))  # gone: never holds
            continue
        found.append(_Mark(path, stat.st_mtime_ns, stat.st_size, content))
    return found


def _content(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
