"""`mlrun.runtimes.funcdoc`: the functions of a piece of code as plain data."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mlrun_like.packaging.docstrings import parse_docstring

__all__ = [
    "ann_type",
    "as_func",
    "ast_code",
    "ast_func_info",
    "ast_param_dict",
    "clean",
    "filter_funcs",
    "find_handler_markers",
    "find_handlers",
    "func_dict",
    "func_info",
    "func_lineno",
    "get_attr_path",
    "inspect_default",
    "inspect_param",
    "is_marked",
    "iter_elems",
    "merge_doc",
    "param_dict",
    "parse_rst",
    "py_eval",
    "type_name",
    "update_function_entry_points",
]

_MARKER = re.compile(r"#\s*mlrun:\s*handler")


def param_dict(name: str = "", type: Any = "", doc: str = "", default: Any = "") -> dict[str, Any]:
    """An argument; None as default: it has none."""
    found = {"doc": doc, "name": name, "type": type}
    return found if default is None else {**found, "default": default}


def func_dict(
    name: str,
    doc: str,
    params: list[Any],
    returns: Any,
    lineno: int,
    has_varargs: bool = False,
    has_kwargs: bool = False,
) -> dict[str, Any]:
    """A function."""
    return {
        "name": name,
        "doc": doc,
        "params": params,
        "return": returns,
        "lineno": lineno,
        "has_varargs": has_varargs,
        "has_kwargs": has_kwargs,
    }


def type_name(ann: Any, empty_is_none: bool = False) -> str | None:
    """The name of an annotation."""
    if ann is inspect.Signature.empty:
        return None if empty_is_none else ""
    return str(getattr(ann, "__name__", ann))


def inspect_default(value: Any) -> str | None:
    """A default as code, or None."""
    return None if value is inspect.Signature.empty else repr(value)


def inspect_param(param: inspect.Parameter) -> dict[str, Any]:
    """An argument of a live function."""
    return param_dict(param.name, type_name(param.annotation), "", inspect_default(param.default))


def func_lineno(fn: Any) -> int:
    """The line of a live function, or -1."""
    try:
        return inspect.getsourcelines(fn)[1]
    except (TypeError, OSError):
        return -1


def func_info(fn: Any) -> dict[str, Any]:
    """A live function."""
    sign = inspect.signature(fn)
    kinds = [one.kind for one in sign.parameters.values()]
    named = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return merge_doc(
        func_dict(
            name=fn.__name__,
            doc="",
            params=[inspect_param(p) for p in sign.parameters.values() if p.kind not in named],
            returns=param_dict(type=type_name(sign.return_annotation), default=None),
            lineno=func_lineno(fn),
            has_varargs=inspect.Parameter.VAR_POSITIONAL in kinds,
            has_kwargs=inspect.Parameter.VAR_KEYWORD in kinds,
        ),
        inspect.getdoc(fn) or "",
    )


def parse_rst(docstring: str) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    """The text, the arguments and the result that a docstring tells of."""
    found = parse_docstring(docstring)
    lines = itertools.takewhile(lambda line: not line.startswith(":"), docstring.splitlines())
    text = "\n".join(lines).strip()
    params = [param_dict(name, kind, doc) for name, (kind, doc) in found.parameters.items()]
    kind, doc = found.returns
    return text, params, param_dict(type=kind, doc=doc)


def merge_doc(out: dict[str, Any], doc: str) -> dict[str, Any]:
    """A function with what its docstring tells."""
    out["doc"], params, result = parse_rst(doc)
    told = {param["name"]: param for param in params}
    for row, more in [
        *((row, told.get(row["name"], {})) for row in out["params"]),
        (out["return"], result),
    ]:
        for key in ("doc", "type"):
            row[key] = more.get(key) or row[key]
    return out


def ast_func_info(func: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    """A function of parsed code."""
    params = [ast_param_dict(one) for one in func.args.args]
    defaults = func.args.defaults
    for param, default in zip(params[len(params) - len(defaults) :], defaults, strict=True):
        param["default"] = ast_code(default)
    out = func_dict(
        name=func.name,
        doc="",
        params=params,
        returns=param_dict(type=ast.unparse(func.returns) if func.returns else None, default=None),
        lineno=func.lineno,
        has_varargs=func.args.vararg is not None,
        has_kwargs=func.args.kwarg is not None,
    )
    doc = ast.get_docstring(func) or ""
    return merge_doc(out, doc) if doc.strip() else out


def ast_param_dict(param: ast.arg) -> dict[str, Any]:
    """An argument of parsed code."""
    kind = ann_type(param.annotation) if param.annotation else ""
    return {"name": param.arg, "type": kind, "doc": ""}


def ann_type(ann: Any) -> str:
    """An annotation as text; of `package.Name` the name."""
    if isinstance(ann, ast.Subscript):
        base = (
            get_attr_path(ann.value)
            if isinstance(ann.value, ast.Attribute)
            else ann_type(ann.value)
        )
        return f"{base}[{', '.join(ann_type(one) for one in iter_elems(ann.slice))}]"
    if isinstance(ann, ast.Attribute):
        return get_attr_path(ann) if isinstance(ann.value, ast.Attribute) else ann.attr
    if isinstance(ann, (ast.BinOp, ast.Constant)):
        return ast.unparse(ann)
    return str(getattr(ann, "id", ""))


def get_attr_path(ann: ast.Attribute) -> str:
    """`a.b.c` as it is written."""
    if isinstance(ann.value, ast.Attribute):
        return f"{get_attr_path(ann.value)}.{ann.attr}"
    return f"{ann_type(ann.value)}.{ann.attr}"


def iter_elems(ann: Any) -> list[Any]:
    """What stands in the brackets of an annotation."""
    return list(ann.elts) if isinstance(ann, (ast.Tuple, ast.List)) else [ann]


def find_handlers(code: str, handlers: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The functions of a piece of code.

    Args:
        code: The code.
        handlers: Only these; by default the marked ones (`# mlrun:handler`), else all whose names
            do not begin with an underscore.
    """
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    funcs = [ast_func_info(node) for node in sorted(nodes, key=lambda node: node.lineno)]
    wanted = set(handlers or ())
    if wanted:
        return [func for func in funcs if func["name"] in wanted]
    return filter_funcs(funcs, find_handler_markers(code))


def filter_funcs(funcs: list[dict[str, Any]], markers: Iterable[int]) -> list[dict[str, Any]]:
    """The marked functions, or all public ones if none is."""
    lines = list(markers)
    if not lines:
        return [func for func in funcs if not func["name"].startswith("_")]
    return [func for func in funcs if is_marked(func, lines)]


def is_marked(func: dict[str, Any], markers: Iterable[int]) -> bool:
    """Whether a marker stands in the line above."""
    return func["lineno"] - 1 in markers


def find_handler_markers(code: str) -> Iterator[int]:
    """The lines with `# mlrun:handler`."""
    return (number for number, line in enumerate(code.splitlines(), 1) if _MARKER.match(line))


def as_func(handler: dict[str, Any]) -> dict[str, Any]:
    """A function as an entry point of a document."""
    result = clean(handler["return"])
    found = {
        "name": handler["name"],
        "doc": handler["doc"],
        "parameters": [clean(param) for param in handler["params"]],
        "outputs": [result] if result else None,
        "lineno": handler["lineno"],
        "has_varargs": handler.get("has_varargs", False),
        "has_kwargs": handler.get("has_kwargs", False),
    }
    return {key: value for key, value in found.items() if value is not None and value != []}


def update_function_entry_points(function: Any, code: str) -> None:
    """Describe a function's code anew."""
    function.spec.entry_points = {one["name"]: as_func(one) for one in find_handlers(code)}


def clean(struct: dict[str, Any]) -> dict[str, Any] | None:
    """Without empty fields; the default as a value."""
    if not struct:
        return None
    found = dict(struct)
    if "default" in found:
        found["default"] = py_eval(found["default"])
    return {key: value for key, value in found.items() if value or key == "default"}


def py_eval(data: Any) -> Any:
    """The value of a literal; other code as its text."""
    try:
        return ast.literal_eval(data)
    except (SyntaxError, ValueError):
        return data


def ast_code(expr: ast.expr) -> str:
    """An expression as code."""
    return ast.unparse(expr)
