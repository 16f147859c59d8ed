"""`mlrun-like build`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.main import app
from mlrun_like.images.image import Image
from tests.images.wheels import DEBIAN, base_with, make_wheel
from tests.registries import DockerRegistry
from tests.registries import registry as registry  # a fixture

CODE = """
import mlrun_like as ml
raise SystemExit("imported")

@ml.function(kind="process")
def train(context, x: int = 1):
    return x
"""


@pytest.fixture
def base(tmp_path: Path) -> str:
    path = tmp_path / "base.tar"
    base_with(DEBIAN).write_archive(path)
    return str(path)


@pytest.fixture
def code(tmp_path: Path) -> str:
    path = tmp_path / "train.py"
    path.write_text(CODE)
    return str(path)


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["build", *words, "--without-mlrun"])
    return done.exit_code, done.stdout, done.stderr


def test_into_a_registry(code: str, base: str, registry: DockerRegistry) -> None:
    name = f"{registry.host}/{registry.new_name()}/train:1"
    exit_code, out, _ = run(f"{code}:train", "--image", name, "--base", base)
    assert exit_code == 0
    digest = Image.pull(name).digest
    assert name in out and digest in out


def test_into_an_archive_as_json(code: str, base: str, tmp_path: Path) -> None:
    file, wheel = tmp_path / "out.tar", make_wheel(tmp_path / "w", "one")
    exit_code, out, _ = run(
        f"{code}:train", "--archive", str(file), "--base", base, "--json", "-q", str(wheel)
    )
    assert exit_code == 0
    record = json.loads(out)
    assert Image.from_archive(file).digest == record["digest"]
    assert [layer["name"] for layer in record["layers"]] == ["environment", "code"]


def test_the_function_with_its_image(code: str, base: str, registry: DockerRegistry) -> None:
    name = f"{registry.host}/{registry.new_name()}/train:1"
    target = Path(code).with_name("function.yaml")
    exit_code, _, _ = run(f"{code}:train", "-t", name, "--base", base, "-o", str(target))
    assert exit_code == 0
    function = ml.import_function(target)
    assert (function.spec.image, function.kind) == (name, "process")
    exit_code, out, _ = run(str(target), "-t", name, "--base", base)
    assert exit_code == 0 and name in out


def test_the_dockerfile_alone(code: str, base: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    exit_code, out, _ = run(
        *(f"{code}:train", "--base", base, "-c", "make", "--print-dockerfile"),
        *("--keep", str(kept)),
    )
    assert exit_code == 0 and "RUN make" in out
    assert (kept / "Dockerfile").read_text() == out


def test_the_dockerfile_alone_is_there_at_once(code: str, base: str, tmp_path: Path) -> None:
    words = [f"{code}:train", "--base", "127.0.0.1:1/none:1", "-q", "one==99"]
    exit_code, out, err = run(*words, "--print-dockerfile")
    assert (exit_code, err) == (0, "")
    assert "FROM 127.0.0.1:1/none:1" in out and "one==99" in out
    wheel = make_wheel(tmp_path / "w", "one")
    words = [f"{code}:train", "--base", base, "-q", str(wheel), "--keep", str(tmp_path / "kept")]
    exit_code, out, err = run(*words, "--print-dockerfile")
    assert exit_code == 0 and out.startswith("# base") and "choosing versions" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.py:train"], "there is no file 'nothing.py'"),
        (["notes.txt"], "nothing that can be built"),
        (["{code}:nope", "--archive", "x.tar", "--base", "{base}"], "nope"),
        (["{code}:train", "--base", "./nothing.tar", "--archive", "x.tar"], "nothing.tar"),
        (["{code}:train", "--base", "nothing.tar", "--archive", "x.tar"], "does not exist"),
        (["{code}:train", "--builder", "oci", "-c", "make", "--base", "{base}"], "only adds files"),
        (["{code}:train", "-q", "a b c", "--base", "{base}"], "not a requirement"),
    ],
)
def test_mistakes(
    code: str,
    base: str,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [word.replace("{code}", code).replace("{base}", base) for word in words]
    exit_code, _, err = run(*given)
    assert exit_code == 1 and message in err and "fix:" in err
    assert not (tmp_path / "x.tar").exists()


def test_broken_code(tmp_path: Path, base: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def train(:\n")
    exit_code, _, err = run(f"{path}:train", "--base", base, "--archive", str(tmp_path / "x.tar"))
    assert exit_code == 1 and "Python" in err and "broken.py" in err


def test_help_teaches() -> None:
    done = CliRunner().invoke(app, ["build", "--help"])
    for words in ("--print-dockerfile", "registry:5000/app/train:1", "--archive train.tar"):
        assert words in done.stdout
