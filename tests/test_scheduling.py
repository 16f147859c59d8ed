"""Files begin in our order, and a test that kills its worker ends no other."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scheduling import LONG, order

ROOT = Path(__file__).resolve().parents[1]


def test_every_file_is_in_the_order_once_and_long_ones_come_first() -> None:
    files = {f"{start}{n}.py": n for start in (*LONG, "tests/", "mlrun_like/") for n in range(3)}
    shuffled = random.Random(0).sample(list(files.items()), len(files))
    found = order(dict(shuffled))
    assert sorted(found) == sorted(files)
    assert found[0].startswith(LONG[0])
    assert found.index("tests/docs/0.py") < found.index("tests/api/2.py")
    assert found.index("tests/monitoring/0.py") < found.index("mlrun_like/2.py")
    assert order({}) == []


def test_every_row_names_something() -> None:
    assert [start for start in LONG if not (ROOT / start).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("tries", [0, 1])
def test_a_test_that_kills_its_worker_is_named_and_the_others_run(
    tmp_path: Path, tries: int
) -> None:
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "def pytest_xdist_make_scheduler(config, log):\n"
        "    from tests.scheduling import LongestFirst\n"
        "    return LongestFirst(config, log)\n"
    )
    (tmp_path / "test_kills.py").write_text(
        "import os, pathlib\n"
        "def test_before(): ...\n"
        "def test_kills():\n"
        "    with open('killed', 'a') as file:\n"
        "        file.write('x')\n"
        "    os.kill(os.getpid(), 9)\n"
        "def test_after(): ...\n"
    )
    (tmp_path / "test_more.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_more(n): ...\n"
    )
    (tmp_path / "test_one.py").write_text("def test_alone(): ...\n")
    options = ["-n", "2", "--dist", "loadfile", "-q", "-p", "no:cacheprovider", "-rf"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--reruns", str(tries), "-c", "/dev/null", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert re.search(r"FAILED test_kills.py::test_kills - worker 'gw\d' crashed", done.stdout)
    assert "1 failed, 12 passed" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "killed").read_text() == "x" * (1 + tries)
