"""Forty and more projects that cannot work, each in one way."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import mlrun_like as ml
from mlrun_like.pipelines import pipeline
from mlrun_like.serving import flow

__all__ = ["PROJECTS", "Project"]

GOOD = "def train(context, depth=1):\n    return depth\n"
Setup = Callable[[Path, pytest.MonkeyPatch], None]


class Project(NamedTuple):
    """One broken project.

    Args:
        name: What is wrong, in a word or two.
        act: What the user does in the project's folder.
        cause: Pattern of the right cause.
        fix: Pattern of a fix.
        files: Files of the folder.
        setup: What else is wrong around it.
    """

    name: str
    act: Callable[[Path], Any]
    cause: str
    fix: str
    files: Mapping[str, str] = MappingProxyType({})
    setup: Setup | None = None

    def prepare(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the folder and what surrounds it."""
        for name, text in {"train.py": GOOD, **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1"))
        if self.setup is not None:
            self.setup(folder, monkeypatch)


def made(kind: str = "process", **options: Any) -> ml.Function[..., Any]:
    options.setdefault("filename", "train.py")
    options.setdefault("handler", "train")
    return ml.code_to_function("train", kind=kind, **options)


def run(kind: str = "process", **given: Any) -> Callable[[Path], Any]:
    return lambda folder: made(kind).run(**given)


def changed(change: Callable[[Any], Any], kind: str = "process") -> Callable[[Path], Any]:
    def act(folder: Path) -> None:
        function = made(kind)
        change(function)
        function.run()

    return act


def in_cluster(folder: Path) -> None:
    function = made("job")
    function.spec.image = "registry.example/train:1"
    function.run(local=False, artifact_path="s3://bucket/out")


def without_tools(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))


def broken_kubeconfig(text: str) -> Setup:
    def setup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "kubeconfig").write_text(text)
        monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))

    return setup


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def no_step_class(folder: Path) -> None:
    graph = flow()
    graph.to("NoSuchClass", name="model").respond()
    graph.to_mock_server()


def misspelt_step(folder: Path) -> None:
    function = made("local", filename="plain.py")

    @pipeline
    def training() -> None:
        function.step(params={"dept": 3})

    training.run()


CODE = [
    Project(
        "syntax error",
        run(),
        "not valid Python",
        "train.py:2|line 2",
        {"train.py": "x = 1\ndef train(:\n"},
    ),
    Project(
        "unclosed bracket",
        run(),
        "not valid Python|was never closed",
        "train.py",
        {"train.py": "def train():\n    return (1\n"},
    ),
    Project("indentation", run(), "indent", "train.py", {"train.py": "def train():\nreturn 1\n"}),
    Project(
        "not text",
        run(),
        "cannot be read as Python|null bytes",
        "UTF-8",
        {"train.py": "\xff\xfe\x00"},
    ),
    Project(
        "no such file", lambda folder: made(filename="tarin.py"), "tarin.py", "does not exist|path"
    ),
    Project("handler misspelt", lambda folder: made(handler="trian").run(), "trian", "train"),
    Project(
        "import missing",
        run(),
        "imports 'no_such_pkg'",
        r"with_requirements\(\['no-such-pkg'\]\)",
        {"train.py": "import no_such_pkg\n" + GOOD},
    ),
    Project(
        "import with another name",
        run(),
        "imports 'cv2'",
        "opencv-python-headless",
        {"train.py": "import cv2\n" + GOOD},
    ),
    Project(
        "own module missing",
        run(),
        "imports 'my_helpers'",
        "beside the function's file",
        {"train.py": "from my_helpers import clean\n" + GOOD},
    ),
    Project(
        "import missing in a module",
        run(),
        "imports 'no_such_pkg'",
        "helpers.py:1|with_requirements",
        {"train.py": "import helpers\n" + GOOD, "helpers.py": "import no_such_pkg\n"},
    ),
    Project(
        "notebook damaged",
        lambda folder: made(filename="nb.ipynb"),
        "nb.ipynb",
        "notebook|JSON",
        {"nb.ipynb": '{"cells": ['},
    ),
    Project(
        "notebook markers",
        lambda folder: made(filename="nb.ipynb"),
        "start",
        "nb.ipynb|cell|end-code",
        {
            "nb.ipynb": json.dumps(
                {
                    "cells": [
                        {
                            "cell_type": "code",
                            "source": "# mlrun: start-code\n# mlrun: start-code",
                            "metadata": {},
                            "outputs": [],
                            "execution_count": None,
                        }
                    ],
                    "metadata": {},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            )
        },
    ),
    Project(
        "function.yaml damaged",
        lambda folder: ml.import_function("function.yaml"),
        "function.yaml",
        "YAML|line",
        {"function.yaml": "kind: job\nspec: [\n"},
    ),
    Project(
        "function.yaml of wrong types",
        lambda folder: ml.import_function("function.yaml"),
        "replicas",
        "many|function.yaml",
        {"function.yaml": "kind: job\nmetadata: {name: f}\nspec: {replicas: many}\n"},
    ),
    Project(
        "embedded code damaged",
        lambda folder: ml.import_function("function.yaml").run(local=False, handler="f"),
        "base64",
        "function|f",
        {
            "function.yaml": "kind: process\nmetadata: {name: f}\n"
            "spec: {build: {functionSourceCode: '***'}}\n"
        },
    ),
]

NEEDS = [
    Project(
        "requirement not installed",
        lambda folder: made(requirements=["no-such-dist>=1"]).run(),
        "no-such-dist",
        "pip install",
    ),
    Project(
        "requirement of another version",
        lambda folder: made(requirements=["pandas<0.1"]).run(),
        "pandas<0.1.*version",
        "pip install",
    ),
    Project(
        "pins contradict",
        lambda folder: made(requirements=["six==1.0", "six==1.1"]).run(),
        "cannot both be met",
        "keep one",
    ),
    Project(
        "requirement malformed",
        lambda folder: made(requirements=["pandas=>2"]),
        "pandas=>2",
        "scikit-learn>=",
    ),
    Project(
        "requirements file missing",
        lambda folder: made(requirements_file="reqs.txt"),
        "reqs.txt",
        "cannot be read|No such file",
    ),
]

CALLS = [
    Project(
        "argument missing",
        run(),
        "needs 'depth'",
        "params=",
        {"train.py": "def train(depth):\n    return depth\n"},
    ),
    Project(
        "argument misspelt",
        run(params={"dept": 2}),
        "dept",
        "depth",
        {"train.py": "def train(depth=1):\n    return depth\n"},
    ),
    Project(
        "parameter not plain",
        run(params={"depth": object()}),
        "cannot be sent",
        "local=True|inputs",
    ),
    Project("number too large", run(params={"depth": 2**70}), "int64", "text"),
    Project(
        "input file missing",
        run(inputs={"data": "data/none.csv"}),
        "none.csv.*does not exist",
        "correct the path",
    ),
    Project(
        "artifact missing",
        run(inputs={"data": "store://artifacts/default/none"}),
        "none",
        "get artifacts",
    ),
    Project(
        "unknown storage",
        run(inputs={"data": "s4://bucket/x.csv"}),
        "s4",
        "s3|known|use",
    ),
    Project(
        "artifact path is a file",
        run(artifact_path="train.py/out"),
        "which is a file",
        "artifact_path",
    ),
    Project(
        "sweep strategy",
        run(hyperparams={"depth": [1]}, hyper_param_options={"strategy": "grdi"}),
        "grdi",
        "grid",
    ),
    Project(
        "sweep selector",
        run(hyperparams={"depth": [1]}, hyper_param_options={"selector": "best.x"}),
        "best.x",
        "max",
    ),
    Project(
        "secrets file missing",
        lambda folder: made().run(ml.new_task().with_secrets("file", "none.env")),
        "none.env",
        "file|path",
    ),
    Project("kind unknown", lambda folder: made("kubernets"), "kubernets", "job"),
    Project("bad label", run(labels={"team": "a b/c!"}), "team|a b/c!", "label|letters"),
    Project("cron malformed", run(schedule="61 * * * *"), "minute", "MON-FRI"),
    Project(
        "time zone unknown",
        run(schedule={"cron": "@daily", "time_zone": "Mars/Base"}),
        "Mars/Base",
        "IANA",
    ),
]

PLACES = [
    Project(
        "memory is no quantity",
        changed(lambda f: setattr(f.spec, "resources", {"limits": {"memory": "4 gigs"}})),
        "4 gigs",
        "512Mi|2G",
    ),
    Project(
        "cpu is no quantity",
        lambda folder: made("job").with_limits(cpu="two"),
        "two",
        "0.5|500m|2",
    ),
    Project(
        "request above limit",
        changed(
            lambda f: setattr(
                f.spec, "resources", {"limits": {"memory": "1Gi"}, "requests": {"memory": "2Gi"}}
            )
        ),
        "above its limit",
        "with_requests",
    ),
    Project(
        "folder missing",
        changed(lambda f: setattr(f.spec, "workdir", "nowhere")),
        "nowhere",
        "create it",
    ),
    Project(
        "variable name",
        lambda folder: made().set_env("A=B", "1"),
        "A=B",
        "set_env",
    ),
    Project(
        "no container tool",
        run("container", local=False),
        "podman|docker|container",
        "install|podman",
        setup=without_tools,
    ),
    Project(
        "kubeconfig damaged",
        in_cluster,
        "kubeconfig",
        "kubeconfig",
        setup=broken_kubeconfig("clusters: ["),
    ),
    Project(
        "kubeconfig without context",
        in_cluster,
        "context",
        "context|kubeconfig",
        setup=broken_kubeconfig(
            kubeconfig("https://x").replace('"current-context": "x"', '"current-context": "y"')
        ),
    ),
    Project(
        "cluster does not answer",
        in_cluster,
        "127.0.0.1",
        "kubectl|cluster|doctor",
        setup=broken_kubeconfig(kubeconfig(f"http://127.0.0.1:{closed_port()}")),
    ),
    Project(
        "no mpirun",
        changed(lambda f: setattr(f.spec, "launcher", "mpirun"), "mpijob"),
        "mpirun",
        "openmpi|install",
        setup=without_tools,
    ),
    Project(
        "no java", run("spark", local=False), "[Jj]ava", "install|JAVA_HOME", setup=without_tools
    ),
    Project(
        "dask scheduler does not answer",
        changed(
            lambda f: setattr(f.spec, "scheduler_address", f"tcp://127.0.0.1:{closed_port()}"),
            "dask",
        ),
        "127.0.0.1",
        "scheduler|dask",
    ),
    Project("graph of an unknown class", no_step_class, "NoSuchClass", "dotted path"),
    Project(
        "pipeline with a misspelt argument",
        misspelt_step,
        "dept",
        "depth",
        {"plain.py": "def train(depth=1):\n    return depth\n"},
    ),
]

PROJECTS = [*CODE, *NEEDS, *CALLS, *PLACES]
