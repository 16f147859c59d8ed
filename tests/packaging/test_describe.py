"""Entry points and docstrings."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.describe import entry_point_of, entry_points_from_source, render_doc
from mlrun_like.packaging.docstrings import parse_docstring
from mlrun_like.specs.function import EntryPoint, FunctionDoc


def entry(code: str, name: str = "f") -> EntryPoint:
    return entry_points_from_source(textwrap.dedent(code))[name]


def test_all_fields() -> None:
    found = entry(
        '''
        import mlrun
        from typing import Literal, Union

        @deco
        def f(context: mlrun.MLClientCtx, data, *more: int, mode: Literal["a", "b"] = "a",
              size: "int | None" = None, items=(1, 2), table={"a": [1]}, big=MAX + 1,
              both: Union[int, str] = -1, **rest) -> "pd.DataFrame":
            """Do it.

            At length.

            :param data: the data,
                over two lines
            :param str items: some items
            :type table: dict
            :returns: a frame
            :raises ValueError: never
            """
        '''
    )
    parameters = {parameter.name: parameter for parameter in found.parameters}
    assert found.doc == "Do it.\n\nAt length."
    assert found.lineno == 6
    assert (found.has_varargs, found.has_kwargs) == (True, True)
    assert found.outputs == [{"type": "pd.DataFrame", "doc": "a frame"}]
    assert parameters["context"].type == "MLClientCtx" and parameters["context"].required
    assert parameters["data"].doc == "the data, over two lines"
    assert parameters["mode"].choices == ["a", "b"] and not parameters["mode"].required
    assert parameters["mode"].type == "Literal['a', 'b']"
    assert parameters["size"].type == "int | None" and parameters["size"].default is None
    assert parameters["items"].default == "(1, 2)" and parameters["items"].type == "str"
    assert parameters["table"].default == {"a": [1]} and parameters["table"].type == "dict"
    assert parameters["big"].default == "MAX + 1"
    assert parameters["both"].default == -1 and parameters["both"].type == "Union[int, str]"


STYLES = {
    "rest": ":param a: first\n    more\n:param int b: second\n:return: result\n:rtype: str",
    "google": "Args:\n    a: first\n        more\n    b (int, optional): second\n\n"
              "Returns:\n    str: result",
    "numpy": "Parameters\n----------\na\n    first\n    more\nb : int, optional\n    second\n\n"
             "Returns\n-------\nstr\n    result",
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_docstring_styles(style: str) -> None:
    found = parse_docstring(f"Text: here.\n\n{STYLES[style]}\n")
    assert found.text == "Text: here."
    assert found.parameters == {"a": ("", "first more"), "b": ("int", "second")}
    assert found.returns == ("str", "result")


@pytest.mark.parametrize("text", ["", None, ":", ":param", "Args:", "Parameters\n---", ":x y z: w",
                                  "::\n\n  code", "-" * 9999])  # fmt: skip
def test_strange_docstrings(text: str | None) -> None:
    assert parse_docstring(text).parameters in ({}, {"x": ("", "")})


def test_which_functions_count() -> None:
    code = "def a(): ...\ndef _b(): ...\nasync def c():\n    def inner(): ...\n"
    code += "class M:\n    def __init__(self): ...\n    def go(self, x): ...\n"
    found = entry_points_from_source(code)
    assert list(found) == ["a", "c", "M::go"]
    assert [parameter.name for parameter in found["M::go"].parameters] == ["x"]
    marked = "def a(): ...\n# mlrun:handler\n@deco\ndef b(): ...\n"
    assert list(entry_points_from_source(marked)) == ["b"]


def test_broken_code() -> None:
    with pytest.raises(PackagingError, match="not valid"):
        entry_points_from_source("def (")
    assert entry_points_from_source("") == {}


def described(a: int, *, b: str = "x") -> int:
    """Add.

    Args:
        a: a number
    """
    return a


def test_live_functions() -> None:
    found = entry_point_of(described)
    assert found.lineno > 50 and found.parameters[0].doc == "a number"
    scope: dict[str, Any] = {}
    exec("def f(a: int, b=(1,), *c, **d):\n    'Doc.'", scope)
    live = entry_point_of(scope["f"])
    assert live.doc == "Doc." and live.parameters[0].type == "int" and live.has_varargs
    assert live.parameters[1].default == "(1,)"
    assert entry_point_of(len).name == "len"


def test_render() -> None:
    doc = FunctionDoc()
    doc.metadata.name = "train"
    doc.spec.entry_points = entry_points_from_source(
        "def f(a: int, b='x') -> str:\n    '''Go.\n\n    :param a: number\n    '''"
    )
    text = render_doc(doc)
    assert "train" in text and "a (int): number, required" in text and "default 'x'" in text
