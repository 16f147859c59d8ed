"""Running a script or module as `python` would, with the switch on."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from mlrun_like.compat.switch import install
from mlrun_like.errors import MissingFileError
from mlrun_like.registry import require

__all__ = ["run_module", "run_pytest", "run_script"]

_INTERRUPTED = 130
_STARTERS = (__file__, "<frozen runpy>", runpy.__file__)


def run_script(path: str, arguments: Sequence[str] = ()) -> int:
    """Run a script as the main program of this process.

    Args:
        path: The file.
        arguments: What follows it in `sys.argv`.

    Returns:
        The exit code that Python would end with. An uncaught exception is printed as Python does.

    Raises:
        MissingFileError: if there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingFileError(f"there is no script {path!r}", fix="check the path")
    install()
    main = ModuleType("__main__")
    main.__dict__.update(__file__=str(file.absolute()), __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    sys.path[0] = str(file.parent.absolute())

    def program() -> None:
        code = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        exec(code, main.__dict__)

    return _ended(program)


def run_module(name: str, arguments: Sequence[str] = ()) -> int:
    """Run a module as `python -m` would: `mlrun` is MLRun's command line.

    Args:
        name: The module.
        arguments: What follows it in `sys.argv`.

    Returns:
        The exit code that Python would end with.
    """
    install()
    sys.argv = [name, *arguments]
    sys.path[0] = str(Path.cwd())
    return _ended(lambda: runpy.run_module(name, run_name="__main__", alter_sys=True))


def run_pytest(arguments: Sequence[str]) -> int:
    """Run pytest with the switch on; gives its exit code."""
    install()
    pytest = require("pytest", feature="mlrun-like compat pytest")
    return int(pytest.main(list(arguments)))


def _ended(program: Callable[[], object]) -> int:
    """The exit code of a program."""
    try:
        program()
    except SystemExit as exc:
        return _code(exc)
    except BaseException as exc:  # noqa: BLE001  (the end of the program: nothing is above it)
        _print(exc)
        return _INTERRUPTED if isinstance(exc, KeyboardInterrupt) else 1
    return 0


def _code(exc: SystemExit) -> int:
    if exc.code is None or isinstance(exc.code, int):
        return exc.code or 0
    sys.stderr.write(f"{exc.code}\n")
    return 1


def _print(exc: BaseException) -> None:
    # the first frames are of whoever runs the program
    rest = exc.__traceback__
    while rest is not None and rest.tb_frame.f_code.co_filename in _STARTERS:
        rest = rest.tb_next
    exc.__traceback__ = rest
    # what is asked at the end of a process for how it ended
    sys.last_type, sys.last_value, sys.last_traceback = type(exc), exc, exc.__traceback__
    sys.excepthook(type(exc), exc, exc.__traceback__)
