"""Running a script as `python script.py` would, with the switch on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from mlrun_like.compat.switch import install
from mlrun_like.errors import MissingFileError
from mlrun_like.registry import require

__all__ = ["run_pytest", "run_script"]

_INTERRUPTED = 130


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
    try:
        code = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except SystemExit as exc:
        return _code(exc)
    except BaseException as exc:  # noqa: BLE001  (the end of the program: nothing is above it)
        _print(exc)
        return _INTERRUPTED if isinstance(exc, KeyboardInterrupt) else 1
    return 0


def run_pytest(arguments: Sequence[str]) -> int:
    """Run pytest with the switch on; gives its exit code."""
    install()
    pytest = require("pytest", feature="mlrun-like compat pytest")
    return int(pytest.main(list(arguments)))


def _code(exc: SystemExit) -> int:
    if exc.code is None or isinstance(exc.code, int):
        return exc.code or 0
    sys.stderr.write(f"{exc.code}\n")
    return 1


def _print(exc: BaseException) -> None:
    # the first frame is the exec above; a script that cannot be compiled has none of its own
    if not isinstance(exc, SyntaxError) or exc.__traceback__ is not None:
        exc.__traceback__ = exc.__traceback__.tb_next if exc.__traceback__ else None
    # what is asked at the end of a process for how it ended
    sys.last_type, sys.last_value, sys.last_traceback = type(exc), exc, exc.__traceback__
    sys.excepthook(type(exc), exc, exc.__traceback__)
