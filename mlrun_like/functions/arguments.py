"""Parameters and inputs as users give them, checked and made plain."""

from __future__ import annotations

import base64
import contextlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import PurePath
from types import UnionType
from typing import Any, Union, get_args, get_origin

from mlrun_like.artifacts.packers import to_result
from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.runs.binding import check_arguments, signature_of
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunSpec

__all__ = ["check_call", "parse_inputs", "parse_parameters"]

_NUMBERS = ("int", "float", "bool")
_INT64 = 2**63
_ASKS = ("get_param", ".parameters", "get_input", ".inputs")
"""Words of a handler that reads its parameters by name."""


def parse_parameters(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plain parameters, and the live ones whose description is recorded.

    Containers are copied, so that a handler that changes them changes nothing of the caller's.
    """
    plain: dict[str, Any] = {}
    live: dict[str, Any] = {}
    for name, value in params.items():
        if not isinstance(name, str):
            raise InvalidArgumentError(
                f"parameter name {name!r} must be a text", fix='fn.run(params={"depth": 4})'
            )
        plain[name] = _describe(value)
        _check_numbers(name, value)
        if not _is_plain(value):
            live[name] = _copied(value)
    return plain, live


def _check_numbers(name: str, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _INT64:
        raise InvalidArgumentError(
            f"parameter {name!r} exceeds int64: {hex(value)[:40]}", fix="pass it as a text"
        )
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_numbers(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_numbers(name, item)


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return True
    if kind is list:
        return all(map(_is_plain, value))
    if kind is dict:
        return all(type(k) is str and _is_plain(v) for k, v in value.items())
    return False


def _copied(value: Any) -> Any:
    """The value with its plain containers copied; other objects are passed on as they are."""
    kind = type(value)
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if kind in (list, tuple):
        return kind(_copied(item) for item in value)
    return set(value) if kind is set else value


def _describe(value: Any) -> Any:
    if isinstance(value, (type(None), bool, int, float, str, list, tuple, dict)):
        return to_result(value)
    plain = to_result(value)
    if not isinstance(plain, str):
        return plain
    return plain if len(plain) <= 1000 else plain[:997] + "..."


def parse_inputs(inputs: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """URLs by name, and the types given in the names."""
    urls: dict[str, str] = {}
    hints: dict[str, str] = {}
    for raw, value in inputs.items():
        name, mark, hint = str(raw).partition(":")
        name, hint = name.strip(), hint.strip()
        if not name or (mark and not hint):
            raise InvalidArgumentError(
                f"input {raw!r} has an empty {'type' if name else 'name'}",
                fix='inputs={"df: pandas.DataFrame": url}',
            )
        if value is None:
            continue
        if isinstance(value, str):
            url = value
        elif isinstance(value, PurePath):
            url = str(value)
        else:
            url = getattr(value, "artifact_url", None) or getattr(value, "uri", None) or ""
        if not isinstance(url, str) or not url.strip():
            wrong = InvalidArgumentError if isinstance(value, (str, PurePath)) else InvalidTypeError
            raise wrong(
                f"input {name!r} must be a URL, a path or a DataItem, not "
                f"{type(value).__name__} {str(value)[:40]!r}: 'Inputs' should be of type "
                "Dict[str, str]",
                fix=f'inputs={{"{name}": "data.parquet"}}; pass objects as params of a local run',
            )
        urls[name] = url
        if hint:
            hints[name] = hint
    return urls, hints


def check_call(
    document: FunctionDoc,
    handler: Callable[..., Any] | None,
    spec: RunSpec,
    swept: Sequence[str] = (),
    provided: Collection[str] = (),
    live: Collection[str] = (),
) -> None:
    """Compare arguments with the signature, of the live handler or of the described one.

    A text where the handler says `int`, `float` or `bool` is refused, `"4"` too: it would be
    computed with as a text. Without the setting `strict_arguments` it is passed on, as MLRun does.

    Args:
        document: The function.
        handler: The live handler, if there is one.
        spec: What is asked for.
        swept: Names of parameters that vary in a sweep.
        provided: Names of arguments, or of their types, that the runtime fills itself.
        live: Names of parameters that are other objects than `spec` describes.

    Raises:
        FunctionError: naming all arguments that are missing or unknown, or a text that is no
            number.
    """
    if config.strict_arguments:
        _check_texts(document, handler, spec, live)
    given = [name for name in (*spec.parameters, *swept) if name != "_init_args"]
    if handler is None:
        _check_described(document, given, spec, provided)
        return
    try:
        inspect.signature(handler)
    except (TypeError, ValueError):
        return  # some built-in functions do not tell
    check_arguments(handler, dict.fromkeys(given), spec.inputs, provided)


def _check_texts(
    document: FunctionDoc,
    handler: Callable[..., Any] | None,
    spec: RunSpec,
    live: Collection[str],
) -> None:
    """Refuse texts for numbers, in parameters and in lists that are swept over."""
    lists = {name: items for name, items in spec.hyperparams.items() if isinstance(items, list)}
    given = [(name, [value]) for name, value in spec.parameters.items() if name not in live]
    texts = {
        name: item
        for name, items in (*lists.items(), *given)
        for item in items
        if isinstance(item, str)
    }
    if not texts:
        return
    if handler is None:
        point = document.spec.entry_points.get(spec.handler)
        parameters = point.parameters if point else []
        named = {item.name: _without_none(item.type) for item in parameters}
    else:
        named = {}
        with contextlib.suppress(TypeError, ValueError):  # some built-in functions do not tell
            named = {name: _named(hint) for name, hint in signature_of(handler).hints.items()}
    for name, text in texts.items():
        wanted = named.get(name)
        if wanted in _NUMBERS:
            raise FunctionError(
                f"parameter {name!r} of {spec.handler or document.metadata.name}() is "
                f"{'an' if wanted == 'int' else 'a'} {wanted}, and the run gives the text {text!r}",
                fix=f"give it without quotes: params={{{name!r}: {_plain(text, wanted)}}}, or "
                f"annotate it as '{wanted} | str'",
            )


def _named(hint: Any) -> str:
    """The name of a type, which may be None too."""
    union = get_origin(hint) in (Union, UnionType)
    kinds = [kind for kind in (get_args(hint) if union else (hint,)) if kind is not type(None)]
    return getattr(kinds[0], "__name__", "") if len(kinds) == 1 else ""


def _without_none(annotation: str) -> str:
    """A type as code says it, which may be None too.

    >>> [_without_none(one) for one in ("int | None", "typing.Optional[int]", "int | str")]
    ['int', 'int', 'int | str']
    """
    text = annotation.strip("'\" ")
    outer, _, inner = text.rstrip("] ").partition("[")
    if outer.strip().rpartition(".")[2] in ("Optional", "Union"):
        text = inner.replace(",", "|") if "[" not in inner else text
    kinds = [kind.strip() for kind in text.split("|")]
    kinds = [kind for kind in kinds if kind != "None"]
    return kinds[0] if len(kinds) == 1 else text


def _plain(text: str, wanted: str) -> Any:
    """What to give in place of a text: its value, or any of that type if it has none."""
    if wanted == "bool":
        return text.strip().lower() in ("true", "yes", "on", "1")
    try:
        return int(text) if wanted == "int" else float(text)
    except ValueError:
        return 4 if wanted == "int" else 0.5


def _code_of(document: FunctionDoc) -> str:
    """The embedded main module's source; empty if there is none."""
    return base64.b64decode(document.spec.build.functionSourceCode).decode("utf-8", "replace")


def _check_described(
    document: FunctionDoc, given: Sequence[str], spec: RunSpec, provided: Collection[str]
) -> None:
    point = document.spec.entry_points.get(spec.handler)
    if point is None or point.has_varargs:
        return
    contexts = {p.name for p in point.parameters if p.name == "context" or "MLClientCtx" in p.type}
    names = [item.name for item in point.parameters if item.name not in contexts]
    missing = [
        item.name
        for item in point.parameters
        if item.required
        and item.name not in (*given, *spec.inputs, *contexts, *provided)
        and item.type.rpartition(".")[2] not in provided
    ]
    unknown = [name for name in (*given, *spec.inputs) if name not in names]
    where = document.spec.build.origin_filename or document.spec.command
    if missing:
        raise FunctionError(
            f"{spec.handler}() needs {', '.join(map(repr, missing))}, which the run does not give",
            where=where,
            fix=f"fn.run(params={{{', '.join(f'{item!r}: ...' for item in missing)}}}), or "
            + " ".join(f"-p {item}=..." for item in missing),
        )
    if contexts:  # what is close to a free argument is misspelt, unless the code asks by name
        free = [name for name in names if name not in (*given, *spec.inputs)]
        asks = any(word in _code_of(document) for word in _ASKS)
        unknown = [] if asks else [name for name in unknown if nearest(name, free)]
    if unknown and not point.has_kwargs and config.strict_arguments:
        raise FunctionError(
            f"{spec.handler}() has no argument {unknown[0]!r}.{nearest(unknown[0], names)}",
            where=where,
            fix=f"its arguments are: {', '.join(names) or 'none'}; add **kwargs or context to "
            "accept others",
        )
