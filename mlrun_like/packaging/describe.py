"""Entry points: what can be called in a piece of code, read without running it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.docstrings import DocString, parse_docstring
from mlrun_like.parsing import parse
from mlrun_like.signatures import signature_of
from mlrun_like.specs.function import EntryPoint, EntryPointParameter, FunctionDoc

__all__ = ["entry_point_of", "entry_points_from_source", "render_doc"]

_MARKER = re.compile(r"#\s*(?:mlrun|nuclio):\s*handler\b")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_MAX_DEFAULT = 1000


def entry_points_from_source(code: str) -> dict[str, EntryPoint]:
    """The public top-level functions and `Class::method`s of a text.

    If comments `# mlrun:handler` stand above functions, only those count.

    Raises:
        PackagingError: if the text is not valid Python.

    >>> entry_points_from_source("def f(x: int = 3): ...")["f"].parameters[0].default
    3
    """
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise PackagingError(f"the code is not valid Python: {exc}") from exc
    lines = code.split("\n")
    marked = {number + 1 for number, line in enumerate(lines, 1) if _MARKER.match(line)}
    found: dict[str, EntryPoint] = {}
    for name, node, method in _functions(tree):
        lines_of = {node.lineno, *(decorator.lineno for decorator in node.decorator_list)}
        if marked.intersection(lines_of) if marked else not node.name.startswith("_"):
            found[name] = _entry_point(name, node, method)
    return found


def entry_point_of(fn: Callable[..., Any]) -> EntryPoint:
    """The entry point of a live function or class, from its source; else from its signature."""
    target = inspect.unwrap(fn)
    name = getattr(target, "__name__", type(target).__name__)
    try:
        tree = parse(textwrap.dedent(inspect.getsource(target)))
        lineno = inspect.getsourcelines(target)[1]
    except (OSError, TypeError, SyntaxError, ValueError):
        return _from_signature(name, target)
    node = tree.body[0] if tree.body else None
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            if isinstance(inner, _Function) and inner.name == "__init__":
                return _entry_point(name, inner, True).model_copy(
                    update={"lineno": lineno, "doc": inspect.getdoc(target) or ""}
                )
    if not isinstance(node, _Function):
        return _from_signature(name, target)
    entry = _entry_point(node.name, node, "." in getattr(target, "__qualname__", "")
                         and "<locals>" not in target.__qualname__)  # fmt: skip
    return entry.model_copy(update={"lineno": lineno + node.lineno - 1})


def render_doc(doc: FunctionDoc) -> str:
    """A function's documentation as text."""
    title = doc.metadata.name or "function"
    lines = [f"function: {title}", f"kind: {doc.kind}"]
    if doc.spec.description:
        lines.append(doc.spec.description)
    if doc.spec.default_handler:
        lines.append(f"default handler: {doc.spec.default_handler}")
    if doc.spec.entry_points:
        lines.append("entry points:")
    for name, entry in doc.spec.entry_points.items():
        lines.append(f"  {name}: {entry.doc}".rstrip().removesuffix(":"))
        if entry.parameters:
            lines.append("    inputs:")
        for parameter in entry.parameters:
            lines.append("      " + _parameter_line(parameter))
        if entry.outputs:
            lines.append("    outputs:")
        for output in entry.outputs:
            text = " - ".join(str(output[key]) for key in ("type", "doc") if output.get(key))
            lines.append(f"      {text}")
    return "\n".join(lines)


def _parameter_line(parameter: EntryPointParameter) -> str:
    text = parameter.name
    if parameter.type:
        text += f" ({parameter.type})"
    notes = [parameter.doc] if parameter.doc else []
    if parameter.choices:
        notes.append("one of " + ", ".join(map(repr, parameter.choices)))
    notes.append("required" if parameter.required else f"default {parameter.default!r}")
    return f"{text}: {', '.join(notes)}"


def _functions(
    tree: ast.Module,
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield node.name, node, False
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, _Function):
                    yield f"{node.name}::{inner.name}", inner, True


def _entry_point(
    name: str, node: ast.FunctionDef | ast.AsyncFunctionDef, method: bool
) -> EntryPoint:
    doc = parse_docstring(ast.get_docstring(node))
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    defaults += args.defaults
    pairs = list(zip(positional, defaults, strict=True))
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    if method and not static:
        pairs = pairs[1:]
    pairs += list(zip(args.kwonlyargs, args.kw_defaults, strict=True))
    type_, text = doc.returns
    if node.returns is not None:
        type_ = type_ or _type_text(node.returns)
    output = {key: value for key, value in (("type", type_), ("doc", text)) if value}
    return EntryPoint(
        name=name,
        doc=doc.text,
        parameters=[_parameter(arg, default, doc) for arg, default in pairs],
        outputs=[output] if output and output != {"type": "None"} else [],
        lineno=node.lineno,
        has_varargs=args.vararg is not None,
        has_kwargs=args.kwarg is not None,
    )


def _parameter(arg: ast.arg, default: ast.expr | None, doc: DocString) -> EntryPointParameter:
    type_, text = doc.parameters.get(arg.arg, ("", ""))
    if arg.annotation is not None:
        type_ = _type_text(arg.annotation) or type_
    return EntryPointParameter(
        name=arg.arg,
        type=type_,
        default=None if default is None else _default(default),
        doc=text,
        required=default is None,
        choices=_choices(arg.annotation),
    )


def _type_text(node: ast.expr) -> str:
    """An annotation in short: `DataItem` for `mlrun.DataItem`, quotes removed."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else repr(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        outer = _type_text(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "Literal":
            return f"{outer}[{', '.join(map(ast.unparse, parts))}]"
        return f"{outer}[{', '.join(map(_type_text, parts))}]"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return f"{_type_text(node.left)} | {_type_text(node.right)}"
    return ast.unparse(node)


def _default(node: ast.expr) -> Any:
    """The value of a literal that survives JSON, else the source text."""
    text = ast.unparse(node)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return text[:_MAX_DEFAULT]
    return value if _is_json(value) and len(text) <= _MAX_DEFAULT else text[:_MAX_DEFAULT]


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _choices(node: ast.expr | None) -> list[Any]:
    if node is None:
        return []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript) and _type_text(inner.value) == "Literal":
            parts = inner.slice.elts if isinstance(inner.slice, ast.Tuple) else [inner.slice]
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            return [value for value in values if _is_json(value)]
    return []


def _from_signature(name: str, fn: Any) -> EntryPoint:
    doc = parse_docstring(inspect.getdoc(fn))
    try:
        signature = signature_of(fn)
    except (TypeError, ValueError):
        return EntryPoint(name=name, doc=doc.text)
    entry = EntryPoint(name=name, doc=doc.text)
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            entry.has_varargs = True
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            entry.has_kwargs = True
        else:
            entry.parameters.append(_live_parameter(parameter, doc))
    return entry


def _live_parameter(parameter: inspect.Parameter, doc: DocString) -> EntryPointParameter:
    type_, text = doc.parameters.get(parameter.name, ("", ""))
    empty = inspect.Parameter.empty
    if parameter.annotation is not empty:
        annotation = parameter.annotation
        type_ = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    required = parameter.default is empty
    default = None if required else parameter.default
    return EntryPointParameter(
        name=parameter.name,
        type=type_,
        default=default if _is_json(default) else repr(default)[:_MAX_DEFAULT],
        doc=text,
        required=required,
    )
