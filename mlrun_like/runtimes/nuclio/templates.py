"""Lines that are added to the user's code."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["guard_text", "hook_text", "modules_text"]


def modules_text(files: Mapping[str, str]) -> str:
    """Lines that make modules importable: paths and sources, written to a folder at start."""
    rows = "".join(f"    {name!r}: {text!r},\n" for name, text in sorted(files.items()))
    return _UNPACK.replace("FILES", rows)


_UNPACK = """

def _unpack_modules(files):  # local modules, which travel in this file
    import atexit, os, shutil, sys, tempfile

    folder = tempfile.mkdtemp(prefix="nuclio-modules-")
    atexit.register(shutil.rmtree, folder, True)
    for name, text in files.items():
        path = os.path.join(folder, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\\n") as file:
            file.write(text)
    sys.path.insert(0, folder)


_unpack_modules({
FILES})

"""


def guard_text(function: str) -> str:
    """Lines that make a list which a handler returns for one event one answer."""
    return _GUARD.replace("FUNCTION", function)


_GUARD = '''

def _one_answer(function):
    """Nuclio takes a list for the answers to a batch; for a single event it is one answer."""
    import functools, inspect
    from nuclio_sdk.json_encoder import Encoder

    def answered(context, event, found):
        if not isinstance(found, list) or isinstance(event, list):
            return found
        return context.Response(body=Encoder().encode(found), content_type="application/json")

    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return function
    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def handler(context, event):
            return answered(context, event, await function(context, event))
    else:
        @functools.wraps(function)
        def handler(context, event):
            found = function(context, event)
            if inspect.isawaitable(found):
                return later(context, event, found)
            return answered(context, event, found)

    async def later(context, event, found):
        return answered(context, event, await found)

    return handler


FUNCTION = _one_answer(FUNCTION)
'''


def hook_text(
    form: str, namespace: str, own: str, waits: frozenset[str], spec: str, entry: str = "handler"
) -> str:
    """The lines that hand events to this package, or to MLRun in an image of its own."""
    given = f", {spec!r}" if spec else ""
    lines = [
        "",
        "",
        "try:",
        "    from mlrun_like.runtimes.nuclio.wrapper import nuclio_init_hook",
        "except ImportError:  # an image of MLRun's own",
        "    from mlrun.runtimes import nuclio_init_hook as _mlrun_hook",
        "",
        "    def nuclio_init_hook(context, data, kind, *ours):",
        "        _mlrun_hook(context, data, kind)",
        "",
    ]
    before = []
    keyword = "def"
    if own:
        lines += [f"_own_init_context = {own}", ""]
        is_async = "init_context" in waits
        keyword = "async def" if is_async else "def"
        before = [f"    {'await ' if is_async else ''}_own_init_context(context)"]
    lines += [
        "",
        f"{keyword} init_context(context):",
        *before,
        f"    nuclio_init_hook(context, {namespace}, {form!r}{given})",
        "",
        "",
        f"def {entry}(context, event):",
        "    return context.mlrun_handler(context, event)",
        "",
    ]
    return "\n".join(lines)
