"""Exit codes and last lines, turned into causes with fixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.runtimes.explain import (
    Clue,
    cause_of,
    explain_code,
    explain_end,
    find_in_log,
    needs_package,
)

LINES = [
    ("ModuleNotFoundError: No module named 'sklearn.utils'", "module-missing", "scikit-learn"),
    ("ModuleNotFoundError: No module named 'cv2'", "module-missing", "opencv-python-headless"),
    (
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
        "library-missing",
        "apt-get",
    ),
    (
        "ImportError: /lib/libc.so.6: version `GLIBC_2.38' not found (required by x)",
        "library-old",
        "newer base image",
    ),
    ("OSError: [Errno 28] No space left on device: '/data/x'", "disk-full", "artifact_path"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2", "gpu-memory", "batches"),
    ("RuntimeError: Found no NVIDIA driver on your system", "gpu-missing", "with_limits(gpus=1)"),
    ("MemoryError", "out-of-memory", "with_limits(mem="),
    ("numpy._core._exceptions._ArrayMemoryError: MemoryError", "out-of-memory", "with_limits"),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "out-of-memory", "limit"),
    ("exec /usr/bin/python3: exec format error", "wrong-platform", "linux/arm64"),
    ("sh: 1: unzip: not found", "command-missing", "with_commands"),
    ("bash: line 1: ffmpeg: command not found", "command-missing", "with_commands"),
    (
        'runc: exec: "nosuch": executable file not found in $PATH: OCI runtime',
        "command-missing",
        "with_commands",
    ),
    ("PermissionError: [Errno 13] Permission denied: '/data/x'", "permission-denied", "/data/x"),
    ("socket.gaierror: [Errno -2] Name or service not known", "name-unknown", "address"),
    ("ConnectionRefusedError: [Errno 111] Connection refused", "connection-refused", "port"),
    ("SyntaxError: invalid syntax", "syntax", "Python version"),
]


@pytest.mark.parametrize(("line", "code", "fix"), LINES)
def test_a_log_that_names_the_cause(line: str, code: str, fix: str) -> None:
    found = find_in_log(f"some output\n{line}\nand a last word", Clue(where="run x"))
    assert found is not None
    assert found.code == code
    assert fix in found.fix
    assert found.where == "run x"


def test_the_last_cause_counts() -> None:
    text = "ModuleNotFoundError: No module named 'fast_path'\nfalling back\nMemoryError"
    found = find_in_log(text)
    assert found is not None and found.code == "out-of-memory"


@pytest.mark.parametrize("text", ["", "all is well", "the module is not found of interest", "\0"])
def test_a_log_without_a_cause(text: str) -> None:
    assert find_in_log(text) is None


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exit code 0"),
        (1, "exit code 1: an unhandled error"),
        (126, "could not be executed"),
        (127, "not found"),
        (132, "SIGILL"),
        (134, "SIGABRT"),
        (135, "/dev/shm"),
        (137, "SIGKILL"),
        (-9, "exit code 137"),
        (-11, "exit code 139: a segmentation fault"),
        (138, "SIGUSR1"),
        (191, "exit code 191: ended by signal 63"),
        (77, "exit code 77"),
        (255, "exit code 255"),
    ],
)
def test_codes_in_words(code: int, text: str) -> None:
    assert text in explain_code(code)


@pytest.mark.parametrize(
    ("clue", "code", "text"),
    [
        (Clue("1Gi", True), "out-of-memory", "out of memory: it was killed at its memory limit"),
        (Clue("1Gi", None), "out-of-memory", "at its memory limit of 1Gi, or from outside"),
        (Clue("1Gi", False), "killed", "killed from outside"),
        (Clue("", True), "out-of-memory", "the machine had none left"),
        (Clue("", None), "killed", "from outside, or the machine ran out of memory"),
        (Clue("", False), "killed", "killed from outside"),
    ],
)
def test_a_kill(clue: Clue, code: str, text: str) -> None:
    found = cause_of(137, "MemoryError", clue)
    assert (found.code, text in found.what) == (code, True), found
    assert cause_of(-9, "", clue) == found


def test_memory_to_write_is_twice_the_limit() -> None:
    assert 'mem="2Gi"' in cause_of(137, "", Clue("1Gi", True)).fix
    assert 'mem="3Gi"' in cause_of(137, "", Clue("1.5Gi", True)).fix
    assert 'mem="odd"' in cause_of(137, "", Clue("odd", True)).fix


def test_an_end_in_one_text() -> None:
    text = explain_end(1, "Traceback\nModuleNotFoundError: No module named 'yaml'")
    assert text.splitlines() == [
        "the module 'yaml' is not installed where the code ran (exit code 1: an unhandled error)",
        '  fix: add it: fn.with_requirements(["pyyaml"]) and build the image again',
    ]
    assert explain_end(3, "") == "exit code 3\n  fix: see the run's log"
    assert explain_end(0, "").startswith("it ended without an error before the run was recorded")
    assert explain_end(None, "").startswith("it ended without a word")


def test_a_package_of_our_own() -> None:
    assert '"mlrun-like"' in needs_package("mlrun_like.runs").fix


@given(st.none() | st.integers(-64, 300), st.text(max_size=200))
def test_any_end_has_a_cause_and_a_fix(code: int | None, tail: str) -> None:
    found = cause_of(code, tail)
    assert found.code and found.what and found.fix
