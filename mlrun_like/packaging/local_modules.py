"""Modules that lie next to the handler's file and are not installed: they travel with it."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
import tokenize
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.scopes import imports_of
from mlrun_like.packaging.slicing import OWN_PACKAGE
from mlrun_like.parsing import parse

__all__ = ["LocalModules", "is_installed", "place_of", "read_python"]

_MAX_TOTAL = 32 * 2**20


def read_python(path: Path) -> str:
    """The text of a Python file in its declared encoding.

    Raises:
        PackagingError: if it is missing, not a file or not text.
    """
    try:
        size = path.stat().st_size
        if size > _MAX_TOTAL:
            raise PackagingError(
                f"the file holds {size >> 20} MB; code has at most {_MAX_TOTAL >> 20}",
                where=str(path),
                fix='keep data in a file of its own, and give it to the run: inputs={"data": path}',
            )
        with tokenize.open(path) as file:
            text = file.read()
    except FileNotFoundError as exc:
        raise PackagingError("the file does not exist", where=str(path)) from exc
    except (OSError, SyntaxError, UnicodeDecodeError) as exc:
        raise PackagingError(
            f"the file cannot be read as Python source: {exc}",
            where=str(path),
            fix="save it as UTF-8 text",
        ) from exc
    if "\0" in text:
        raise PackagingError(
            "the file holds null bytes, so it is not text",
            where=str(path),
            fix="save it as UTF-8 text",
        )
    return text


def is_installed(path: Path) -> bool:
    """Whether a file belongs to the interpreter or to an installed distribution."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return any(path.is_relative_to(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib"))


def place_of(file: Path, module: str) -> tuple[Path, str]:
    """The folder where a module's absolute imports start, and its package.

    >>> place_of(Path("/w/shop/train.py"), "shop.train")[1]
    'shop'
    """
    parts = module.split(".")
    path = list((file.parent if file.name == "__init__.py" else file.with_suffix("")).parts)
    if module and module != "__main__" and len(parts) < len(path) and path[-len(parts) :] == parts:
        package = parts if file.name == "__init__.py" else parts[:-1]
        return Path(*path[: -len(parts)]), ".".join(package)
    return file.parent, ""


class LocalModules:
    """Collects the local modules that imports lead to.

    Args:
        roots: Folders in which absolute imports are looked up.
        own_file: The handler's own file, which travels as the code itself.
    """

    def __init__(self, roots: Iterable[Path], own_file: Path | None = None) -> None:
        self._roots = [root for root in roots if not is_installed(root)]
        self._own_file = own_file.resolve() if own_file is not None else None
        self._size = 0
        self.texts: dict[str, str] = {}
        self.reaches_own_file = False

    def follow(self, node: ast.AST, package: str, where: str) -> None:
        """Take along what the imports below a node lead to.

        Raises:
            PackagingError: if a local module is not valid Python.
        """
        pending = [(node, package, where)]
        while pending:
            tree, package, where = pending.pop()
            for statement in imports_of(tree):
                for name in _targets(statement, package, where):
                    pending += self._add(name)

    def add(self, name: str) -> None:
        """Take along a module by its name, with its parent packages and its own imports."""
        for tree, package, where in self._add(name):
            self.follow(tree, package, where)

    def _add(self, name: str) -> list[tuple[ast.AST, str, str]]:
        found: list[tuple[ast.AST, str, str]] = []
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            prefix = ".".join(parts[:length])
            path, relative = self._find(prefix)
            if path is None or relative in self.texts:
                continue
            if self._own_file is not None and path.resolve() == self._own_file:
                self.reaches_own_file = True
                continue
            text = read_python(path)
            self._size += len(text)
            if self._size > _MAX_TOTAL:
                raise PackagingError(
                    f"the local modules hold more than {_MAX_TOTAL >> 20} MB",
                    where=str(path),
                    fix="install them as a package",
                )
            try:
                tree = parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
                raise PackagingError(
                    f"local module {prefix!r} is not valid Python: {exc}", where=str(path)
                ) from exc
            self.texts[relative] = text
            is_package = path.name == "__init__.py"
            package = prefix if is_package else prefix.rpartition(".")[0]
            found.append((tree, package, str(path)))
        return found

    def _find(self, name: str) -> tuple[Path | None, str]:
        top = name.partition(".")[0]
        if not top or top == OWN_PACKAGE:
            return None, ""
        for root in self._roots:
            if top in sys.stdlib_module_names and not _loaded_from(top, root):
                continue
            for tail in (("__init__.py",), ()):
                base = root.joinpath(*name.split("."), *tail)
                path = base if tail else base.with_name(base.name + ".py")
                if path.is_file():
                    return path, str(PurePosixPath(path.relative_to(root).as_posix()))
        return None, ""


def _loaded_from(name: str, root: Path) -> bool:
    """Whether a file of the user's shadows the standard module of that name."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return bool(file) and Path(str(file)).is_relative_to(root)


def _absolute(node: ast.ImportFrom, base: str, where: str) -> str:
    """The line that works in a file that is no part of a package."""
    names = ", ".join(alias.name for alias in node.names)
    first = (base or node.names[0].name).partition(".")[0]
    folder = Path(where).parent
    beside = (folder / f"{first}.py").is_file() or (folder / first).is_dir()
    if node.level > 1 or not beside:
        return "import the module by its full name; it must be installed, or lie beside the file"
    return f"write `from {base} import {names}`" if base else f"write `import {names}`"


def _targets(node: ast.Import | ast.ImportFrom, package: str, where: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        try:
            base = importlib.util.resolve_name("." * node.level + base, package)
        except ImportError as exc:
            raise PackagingError(
                f"relative import {'.' * node.level + (node.module or '')!r} leads nowhere: "
                "the file is not part of a package",
                where=f"{where}:{node.lineno}",
                fix=_absolute(node, base, where),
            ) from exc
    return [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]
