"""Which function does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, SpecError
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.functions.creators import code_to_function

CODE = "def handler(context, x=1):\n    return x\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file with a handler."""
    path = tmp_path / "transform.py"
    path.write_text(CODE)
    return str(path)


def test_defaults() -> None:
    config = RunConfig()
    assert config.watch is True and RunConfig(watch=False).watch is False
    function = config.to_function("job", "img", "quotes-ingest")
    assert (function.kind, function.spec.image, function.name) == ("job", "img", "quotes-ingest")
    assert RunConfig(image="mine", kind="process").to_function("job", "img", "a").kind == "process"


def test_files(file: str) -> None:
    function = RunConfig(file, handler="handler", requirements=["six"]).to_function("process")
    assert function.kind == "process" and function.spec.default_handler == "handler"
    assert function.spec.build.requirements == ["six"]
    assert RunConfig(Path(file)).to_function("process").kind == "process"


def test_functions_are_not_changed(file: str) -> None:
    given = code_to_function("mine", filename=file, kind="process")
    config = RunConfig(given, image="other", extra_spec={"description": "text"})
    made = config.to_function("job")
    assert made.spec.image == "other" and made.spec.description == "text"
    assert given.spec.image != "other" and made.name == "mine" and made.kind == "process"


def test_code() -> None:
    function = RunConfig(code=CODE, kind="process").to_function(name="a")
    assert function.spec.build.functionSourceCode


def test_modifiers_and_secrets() -> None:
    seen: list[Any] = []

    def modify(pod: Any) -> Any:
        seen.append(pod)
        return pod

    config = RunConfig(kind="job").apply(modify)
    config.with_secret("env", "A").with_secret("inline", {"B": "1"})
    copied = config.copy()
    copied.with_secret("file", "x")
    copied.apply(lambda pod: pod)
    assert len(config.secret_sources) == 2 and len(copied.secret_sources) == 3
    config.to_function(name="a")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RunConfig(5), "must be a function, a file or a URI"),
        (lambda: RunConfig().with_secret("envv", "A"), "Did you mean 'env'"),
        (lambda: RunConfig().apply(5), "must be callable"),  # type: ignore[arg-type]
        (lambda: RunConfig(extra_spec={"imgae": 1}).to_function(name="a"), "has no 'imgae'"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises((InvalidArgumentError, SpecError), match=message):
        make()


def test_missing_functions() -> None:
    for name in ("/nowhere/x.py", "db://default/nobody"):
        with pytest.raises(MLRunLikeError):
            RunConfig(name).to_function()


def test_a_service_without_code_has_a_source() -> None:
    function = RunConfig().to_function("serving", "img", "a")
    assert function.spec.build.functionSourceCode
    assert not RunConfig().to_function("job", "img", "a").spec.build.functionSourceCode
