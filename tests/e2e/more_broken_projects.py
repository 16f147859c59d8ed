"""Further projects that cannot work: mistakes that need more than one line to be seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlrun_like as ml
from mlrun_like.cli.manifest import manifest
from mlrun_like.cli.run import function_from
from mlrun_like.pipelines import pipeline
from tests.e2e.broken_projects import GOOD, Project, changed, made, run

__all__ = ["MORE"]

CLASS = """
class Trainer:
    def __init__(self, depth):
        self.depth = depth

    def fit(self, x=1):
        return x
"""


def method(handler: str, **given: Any) -> Callable[[Path], Any]:
    return lambda folder: made(handler="").run(handler=handler, **given)


def build(**given: Any) -> Callable[[Path], Any]:
    def act(folder: Path) -> None:
        function = made("job")
        function.with_requirements(given.pop("requirements", []))
        function.build("app:1", base_image="base.tar", push=False, **given)

    return act


def required(*lines: str, file: str = "") -> Callable[[Path], Any]:
    return changed(lambda f: f.with_requirements(list(lines), requirements_file=file))


def resources(**parts: Any) -> Callable[[Path], Any]:
    return changed(lambda f: setattr(f.spec, "resources", parts))


def inline_secrets(folder: Path) -> None:
    task = ml.new_task().with_secrets("inline", {"TOKEN": "x"})
    made().run(task, schedule="0 3 * * *")


def closure_on_schedule(folder: Path) -> None:
    model = object()

    @ml.function()
    def train(x: int = 1) -> str:
        return f"{model}{x}"

    train.run(schedule="0 3 * * *")


def decision_in_a_pipeline(folder: Path) -> None:
    train = made("local")

    @pipeline
    def training() -> None:
        if train.step() > 3:
            train.step()

    training.run()


MODULES = [
    Project(
        "modules in a circle",
        run(),
        "circle \\(train -> features -> train\\)",
        "third module",
        {
            "train.py": "from features import build\nDEPTH = 3\ndef train(): return build()\n",
            "features.py": "from train import DEPTH\ndef build(): return DEPTH\n",
        },
    ),
    Project(
        "two other modules in a circle",
        run(),
        "circle",
        "third module",
        {
            "train.py": "from a import fa\ndef train(): return fa()\n",
            "a.py": "from b import fb\ndef fa(): return fb()\n",
            "b.py": "from a import fa\ndef fb(): return fa\n",
        },
    ),
    Project(
        "misspelt name of an own module",
        run(),
        "laod_data",
        "load_data",
        {
            "train.py": "from helpers import laod_data\ndef train(): return laod_data()\n",
            "helpers.py": "def load_data(): ...\n",
        },
    ),
    Project(
        "module of an own package missing",
        run(),
        "feat.text",
        "feat.texts",
        {
            "train.py": "from feat.text import tokens\ndef train(): return tokens()\n",
            "feat/__init__.py": "",
            "feat/texts.py": "def tokens(): ...\n",
        },
    ),
    Project(
        "relative import beside a script",
        run(),
        "relative import '.utils'",
        "from utils import clean",
        {"train.py": "from .utils import clean\ndef train(): ...\n", "utils.py": "clean = 1\n"},
    ),
    Project(
        "misspelt module of a package",
        run(),
        "sklearn.ensamble",
        "ensemble",
        {"train.py": "from sklearn.ensamble import RandomForestClassifier\ndef train(): ...\n"},
    ),
    Project(
        "misspelt name of a package",
        run(),
        "'pandas' has no 'Dataframe'",
        "DataFrame",
        {"train.py": "from pandas import Dataframe\ndef train(): ...\n"},
    ),
    Project(
        "misspelt package",
        run(),
        "pnadas.*Did you mean 'pandas'",
        "correct it",
        {"train.py": "import pnadas as pd\ndef train(): ...\n"},
    ),
    Project(
        "file that hides a package",
        run(),
        "hides the installed package 'pandas'",
        "rename",
        {
            "train.py": "import pandas as pd\ndef train(): return pd.DataFrame()\n",
            "pandas.py": "import pandas as pd\nprint(pd.DataFrame())\n",
        },
    ),
]
NAMES = [
    Project(
        "forgotten import",
        run(),
        "'np'.*nothing defines",
        "import numpy as np",
        {"train.py": "def train(): return np.mean([1])\n"},
    ),
    Project(
        "defined below the main guard only",
        run(),
        "SCALE.*__main__",
        "top level",
        {"train.py": "def train(): return SCALE\nif __name__ == '__main__':\n    SCALE = 3\n"},
    ),
    Project(
        "names of a hosted notebook",
        run(),
        "'spark'.*outside a notebook",
        "leave that line out",
        {"train.py": "df = spark.read.csv('x')\ndef train(): return df\n"},
    ),
    Project(
        "syntax of Python 2",
        run(),
        "train.py:2",
        "correct that line",
        {"train.py": "def train(x=1):\n    print 'hello', x\n"},
    ),
    Project(
        "tabs and spaces",
        run(),
        "train.py:3",
        "correct that line",
        {"train.py": "def train():\n    a = 1\n\tb = 2\n"},
    ),
    Project(
        "data in the code",
        run(),
        "the file holds 40 MB",
        "inputs=",
        {"train.py": GOOD + "DATA = '''" + "x" * (40 << 20) + "'''\n"},
    ),
    Project(
        "variable not set",
        run(),
        "'URL_OF_THE_TEST'",
        "set_env",
        {"train.py": "import os\ndef train(): return os.environ['URL_OF_THE_TEST']\n"},
    ),
]
HANDLERS = [
    Project("method misspelt", method("Trainer::fitt"), "fitt", "'fit'|: fit", {"train.py": CLASS}),
    Project("class misspelt", method("Traner::fit"), "Traner", "Trainer", {"train.py": CLASS}),
    Project(
        "class made with an argument",
        method("Trainer::fit"),
        "'depth'",
        "_init_args",
        {"train.py": CLASS},
    ),
    Project(
        "class made with another argument",
        method("Trainer::fit", params={"_init_args": {"depth": 1, "dpth": 2}}),
        "dpth",
        "depth",
        {"train.py": CLASS},
    ),
    Project("class as a handler", method("Trainer"), "Trainer", "::fit", {"train.py": CLASS}),
    Project(
        "method with a dot",
        method("Trainer.fit"),
        "has to be made",
        "Trainer::fit",
        {"train.py": CLASS},
    ),
    Project(
        "variable as a handler",
        lambda folder: made(handler="").run(handler="model"),
        "no handler 'model'",
        "train",
        {"train.py": GOOD + "model = 3\n"},
    ),
    Project(
        "command that is not there",
        lambda folder: ml.new_function("f", kind="process", command="gone.py").run(handler="f"),
        "gone.py.*does not exist",
        "absolute path",
    ),
    Project(
        "misspelt file",
        lambda folder: function_from("trian.py", "process", "", ""),
        "trian.py",
        "train.py",
    ),
    Project(
        "serving function run",
        lambda folder: made("serving", handler="").run(),
        "is deployed",
        "to_mock_server",
    ),
]
NEEDS = [
    Project(
        "ranges contradict",
        build(requirements=["numpy<1.20", "numpy>=2"]),
        "numpy<1.20.*cannot both be met",
        "keep one",
    ),
    Project(
        "range without a version", build(requirements=["pandas>=2,<1"]), "pandas>=2,<1", "versions"
    ),
    Project(
        "module as a requirement",
        build(requirements=["sklearn"]),
        "name of a module",
        "scikit-learn",
    ),
    Project("path as a requirement", build(requirements=["./mylib"]), "mylib", "correct the path"),
    Project("one equals sign", required("pandas=1.5"), "pandas=1.5", "pandas==1.5"),
    Project(
        "conda's file",
        required(file="environment.yml"),
        "environment.yml",
        "conda",
        {"environment.yml": "name: x\ndependencies:\n  - python=3.9\n"},
    ),
    Project(
        "included requirements missing",
        required(file="reqs.txt"),
        "base.txt",
        "one package a line",
        {"reqs.txt": "-r base.txt\n"},
    ),
    Project(
        "resource under another name",
        resources(limits={"mem": "2Gi"}),
        "no resource 'mem'",
        "'memory'",
    ),
    Project(
        "memory without a unit",
        changed(lambda f: f.with_limits(mem="2")),
        "2 bytes",
        "2Gi",
    ),
    Project(
        "URL with one slash",
        run(inputs={"x": "store:/datasets/default/d"}),
        "does not exist",
        "store://",
        {"train.py": "def train(x): ...\n"},
    ),
    Project("artifact path of no kind", run(artifact_path="s4://bucket/x"), "s4", "s3"),
    Project(
        "artifact path in the kernel", run(artifact_path="/proc/x"), "/proc/x", "artifact_path"
    ),
    Project(
        "manifest with an image in capitals",
        lambda folder: manifest("train.py", handler="train", image="X/Y:1"),
        "lower case",
        "team/app",
    ),
]
LATER = [
    Project("inline secrets on a schedule", inline_secrets, "inline secrets", "with_secrets"),
    Project(
        "closure on a schedule", closure_on_schedule, "local variables|closes over", "parameters"
    ),
    Project(
        "schedule with a mistake in the code",
        lambda folder: made("local").run(schedule="0 3 * * *"),
        "'np'",
        "import numpy",
        {"train.py": "def train(): return np.mean([1])\n"},
    ),
    Project("time zone misspelt", run(schedule={"cron": "0 3 * * *", "time_zone": "Europe/Berln"}),
            "Berln", "Europe/Berlin"),
    Project("pipeline that decides too early", decision_in_a_pipeline, "decided when", "when\\("),
]  # fmt: skip

MORE = [*MODULES, *NAMES, *HANDLERS, *NEEDS, *LATER]
