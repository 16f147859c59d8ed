"""The zygote: orders, ends, and what hostile ones do to their neighbours (nothing)."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.gateway import wire
from tests.gateway.zygotes import ZygoteProcess, document, order

GOOD = "def handler(context, event):\n    return 'good'"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZygoteProcess]:
    folder = tmp_path_factory.mktemp("zygote")
    with ZygoteProcess(
        folder, "numpy", "no_such_module_at_all", MLRUN_LIKE_HOME=str(folder / "home")
    ) as made:
        told = made.until("ready")
        assert told["ready"] == made.process.pid and "numpy" in told["modules"]
        assert told["failed"] == {
            "no_such_module_at_all": "ModuleNotFoundError: No module named 'no_such_module_at_all'"
        }
        yield made


def lives(zygote: ZygoteProcess) -> None:
    """Assert that it still makes good workers."""
    worker = zygote.start(order(document(GOOD)))
    worker.ready()
    assert worker.ask().body == b"good"
    worker.close()
    assert worker.ended()["code"] == 0


def test_a_worker_begins_and_ends(zygote: ZygoteProcess) -> None:
    worker = zygote.start(order(document(GOOD)))
    told = worker.ready()
    assert zygote.until("started", worker.number)["pid"] == told["pid"]
    worker.send(wire.DRAIN)
    assert worker.frame() is None
    ended = worker.ended()
    assert (ended["pid"], ended["code"]) == (told["pid"], 0)
    assert ended["cpu"] > 0 and ended["memory"] > 1 << 20


def test_many_at_once(zygote: ZygoteProcess) -> None:
    workers = [zygote.start(order(document(GOOD), replica=n)) for n in range(8)]
    assert len({worker.ready()["pid"] for worker in workers}) == 8
    for worker in workers:
        assert worker.ask().body == b"good"
        worker.close()
        worker.ended()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[1]", "no object"),
        (b"{}", "document"),
        (b'{"document": {}, "kind": "nuclio"}', "handler"),
        (b'{"document": 5}', "document"),
        (b'{"document": {}, "env": {"A=B": "1"}}', "environment variable"),
        (b'{"document": {}, "env": {"A": "\\u0000"}}', "environment variable"),
        (b'{"document": {}, "uid": -5}', "uid"),
        (b'{"document": {}, "workdir": "/no/such/folder"}', "/no/such/folder"),
        (json.dumps(order(document("x ="))).encode(), "SyntaxError"),
        (json.dumps(order(document("x = 1"))).encode(), "handler"),
        (json.dumps(order(document("handler = 5"))).encode(), "cannot be called"),
        (json.dumps(order(document("import nowhere_to_be_found"))).encode(), "nowhere_to_be"),
        (json.dumps(order(document("raise SystemExit(4)"))).encode(), "SystemExit"),
        (json.dumps(order(document("1/0\n" + GOOD))).encode(), "ZeroDivisionError"),
        (
            json.dumps(order(document("def init_context(c):\n    raise ValueError('no')\n" + GOOD)))
            .encode(),
            "ValueError: no",
        ),
        (
            json.dumps(
                order(document("async def init_context(c):\n    raise ValueError('no')\n" + GOOD))
            ).encode(),
            "ValueError: no",
        ),
    ],
)  # fmt: skip
def test_what_cannot_start_says_why(zygote: ZygoteProcess, wanted: bytes, said: str) -> None:
    worker = zygote.start(wanted)
    told = worker.failure()
    assert said in told["error"] + told["traceback"]
    assert worker.frame() is None
    assert worker.ended()["code"] == 70


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\nos._exit(3)\n", 3),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", -9),
        ("import os\nos.abort()\n", -6),
    ],
)
def test_a_crash_at_import_is_told(zygote: ZygoteProcess, code: str, expected: int) -> None:
    worker = zygote.start(order(document(code + GOOD)))
    assert worker.frame() is None
    assert worker.ended()["code"] == expected
    lives(zygote)


def test_a_crash_in_a_handler_is_told(zygote: ZygoteProcess) -> None:
    code = "import os\ndef handler(context, event):\n    os._exit(int(event.body or 0))"
    worker = zygote.start(order(document(code)))
    worker.ready()
    worker.post(b"7")
    assert worker.frame() is None
    assert worker.ended()["code"] == 7


def test_forks_of_a_handler_answer_nothing_and_end_with_it(zygote: ZygoteProcess) -> None:
    code = (
        "import os, time\n"
        "def handler(context, event):\n"
        "    if event.path == '/stay':\n"
        "        pid = os.fork()\n"
        "        if not pid:\n"
        "            time.sleep(600)\n"
        "        return str(pid)\n"
        "    if os.fork() == 0:\n"
        "        return 'child'\n"
        "    return 'parent'\n"
    )
    worker = zygote.start(order(document(code)))
    worker.ready()
    for _ in range(3):
        assert worker.ask().body == b"parent"
    pid = int(worker.ask(b"", "/stay").body)
    worker.close()  # its fork does not keep the socket open
    worker.ended()
    _until_gone(pid)


def _until_gone(pid: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and _runs(pid):
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_binary_output_reaches_the_log(zygote: ZygoteProcess) -> None:
    code = (
        "import sys, os\n"
        "def handler(context, event):\n"
        "    sys.stdout.buffer.write(bytes(range(256)))\n"
        "    sys.stdout.flush()\n"
        "    os.write(2, b'raw')\n"
        "    print('\\udcff lone', file=sys.stderr)\n"
        "    sys.stdout.close()\n"
        "    context.logger.info('nowhere')\n"
        "    return 'ok'\n"
    )
    worker = zygote.start(order(document(code)))
    worker.ready()
    assert worker.ask().body == b"ok"
    assert worker.ask().status == 500  # it closed its own output, and cannot write any more
    worker.close()
    worker.ended()
    log = zygote.logs[worker.number].read_bytes()
    assert bytes(range(256)) in log and b"raw" in log and b"\\udcff lone" in log


def test_a_memory_hog_gets_a_memory_error(zygote: ZygoteProcess) -> None:
    code = "def handler(context, event):\n    return len(bytearray(int(event.body)))"
    worker = zygote.start(order(document(code), options={"memory": 64 << 20}))
    worker.ready()
    assert worker.ask(b"1000").body == b"1000"
    assert b"MemoryError" in worker.ask(b"%d" % (1 << 30)).body
    assert worker.ask(b"2000").body == b"2000"


def test_signals_reach_a_worker(zygote: ZygoteProcess) -> None:
    code = "import time\ndef handler(context, event):\n    time.sleep(600)"
    worker = zygote.start(order(document(code)))
    worker.ready()
    worker.post()
    zygote.tell({"signal": worker.number, "number": int(signal.SIGKILL)})
    assert worker.frame() is None and worker.ended()["code"] == -9


def test_hostile_packets_change_nothing(zygote: ZygoteProcess) -> None:
    packets = [b"x", b"[]", b"{}", b'{"signal": 99999}', b'{"signal": "x"}', b'{"import": 5}',
               b'{"start": "x"}', b'{"start": 90001}', b'{"start": -1}', b"\xff" * 100,
               b'{"signal": 1, "number": 9999}', b"[" * 100_000]  # fmt: skip
    for packet in packets:
        zygote.tell(packet)
    for _ in range(len(packets) - 1):
        assert "refused" in zygote.until("refused")
    one, other = socket.socketpair()
    with one, other:
        zygote.tell({"start": 90002}, (one.fileno(),) * 2)
        assert "three" in zygote.until("refused", 90002)["error"]
    lives(zygote)


def test_frames_of_another_language_end_the_worker_only(zygote: ZygoteProcess) -> None:
    for code in (GOOD, GOOD.replace("def ", "async def ")):
        worker = zygote.start(order(document(code)))
        worker.ready()
        worker.channel.sendall(b"\xff" * 64)
        assert worker.frame() is None
        worker.ended()
    lives(zygote)


def test_random_numbers_differ(zygote: ZygoteProcess) -> None:
    code = (
        "import random, numpy\n"
        "def handler(context, event):\n"
        "    return [random.random(), float(numpy.random.rand())]"
    )
    found = []
    for _ in range(3):
        worker = zygote.start(order(document(code)))
        worker.ready()
        found += worker.ask().json
    assert len(set(found)) == 6


def test_the_spare_is_replaced(zygote: ZygoteProcess) -> None:
    lives(zygote)
    for _ in range(3):
        for pid in _children(zygote.process.pid):
            os.kill(pid, signal.SIGKILL)
            _until_gone(pid)
        lives(zygote)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def test_further_modules_are_imported_later(zygote: ZygoteProcess) -> None:
    zygote.tell({"import": ["colorsys"]})
    assert "colorsys" in zygote.until("ready")["modules"]
    code = "import sys\nloaded = 'colorsys' in sys.modules\ndef handler(c, e):\n    return loaded"
    worker = zygote.start(order(document(code)))
    worker.ready()
    assert worker.ask().body == b"True"


@pytest.mark.slow
def test_workers_and_folders_end_with_the_gateway(tmp_path: Path) -> None:
    zygote = ZygoteProcess(tmp_path, MLRUN_LIKE_HOME=str(tmp_path / "home"))
    worker = zygote.start(order(document("import os\ndef handler(c, e):\n    return os.getcwd()")))
    pid = worker.ready()["pid"]
    folder = Path(worker.ask().body.decode())
    assert folder.is_dir()
    zygote.close()
    assert worker.frame() is None if worker.channel.fileno() >= 0 else True
    _until_gone(pid)
    assert not folder.parent.exists()


@pytest.mark.slow
def test_a_killed_zygote_takes_its_workers_with_it(tmp_path: Path) -> None:
    with ZygoteProcess(tmp_path, MLRUN_LIKE_HOME=str(tmp_path / "home")) as zygote:
        worker = zygote.start(order(document(GOOD)))
        worker.ready()
        zygote.process.kill()
        assert worker.frame() is None


@pytest.mark.slow
def test_a_module_that_starts_a_thread_is_not_imported_ahead(tmp_path: Path) -> None:
    (tmp_path / "threaded_one.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    with ZygoteProcess(
        tmp_path, "threaded_one", "colorsys", PYTHONPATH=str(tmp_path),
        MLRUN_LIKE_HOME=str(tmp_path / "home"),
    ) as zygote:  # fmt: skip
        told = zygote.until("ready")
        assert "threads" in told["failed"]["threaded_one"]
        assert "colorsys" in told["modules"]
        worker = zygote.start(order(document("import threaded_one\n" + GOOD)))
        worker.ready()
        assert worker.ask().body == b"good"


@pytest.mark.skipif(not ROOT, reason="the kernel counts processes by user, and not those of root")
def test_a_fork_bomb_is_contained(zygote: ZygoteProcess) -> None:
    code = (
        "import os, time\n"
        "def handler(context, event):\n"
        "    pids = []\n"
        "    while len(pids) < 500:\n"
        "        try:\n"
        "            pids.append(os.fork())\n"
        "        except OSError as exc:\n"
        "            return [type(exc).__name__, *pids]\n"
        "        if not pids[-1]:\n"
        "            time.sleep(600)\n"
        "    return ['no limit']\n"
    )
    wanted = order(document(code), uid=60_521, gid=60_521, options={"processes": 2})
    worker = zygote.start(wanted)
    worker.ready()
    said, *pids = worker.ask().json
    assert (said, len(pids)) == ("BlockingIOError", 15)
    lives(zygote)
    worker.close()
    worker.ended()
    for pid in pids:
        _until_gone(pid)


@pytest.mark.slow
def test_a_limit_of_cores_is_one_of_threads(tmp_path: Path) -> None:
    code = (
        "import threadpoolctl, numpy\n"
        "def handler(context, event):\n"
        "    return [row['num_threads'] for row in threadpoolctl.threadpool_info()]"
    )
    modules = ("numpy", "threadpoolctl")
    with ZygoteProcess(tmp_path, *modules, MLRUN_LIKE_HOME=str(tmp_path / "home")) as zygote:
        worker = zygote.start(order(document(code), options={"cpu": 0.5}))
        worker.ready()
        assert set(worker.ask().json) == {1}


@pytest.mark.slow
@pytest.mark.skipif(not ROOT, reason="only root can become others")
def test_workers_of_root_have_no_rights(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    home = closed / "home"
    (home / "gateway").mkdir(parents=True)
    (home / "secrets").mkdir()
    (home / "gateway" / "functions.json").write_text("secret")
    (home / "secrets" / "p.json").write_text("secret")
    (home / "store.db").write_text("db")
    (closed / "private").write_text("secret")
    closed.chmod(0o700)
    code = (
        "import os\n"
        "from mlrun_like.configuration import config\n"
        "def look(work):\n"
        "    try:\n"
        "        return work()\n"
        "    except OSError as exc:\n"
        "        return type(exc).__name__\n"
        "def handler(context, event):\n"
        f"    home, closed = {str(home)!r}, {str(closed)!r}\n"
        "    return {\n"
        "        'user': [os.getuid(), os.geteuid(), os.getgid()],\n"
        "        'write': look(lambda: open(home + '/store.db', 'a').write('x')),\n"
        "        'new': look(lambda: open(home + '/new', 'w').write('x')),\n"
        "        'remove': look(lambda: os.rename(home + '/store.db', home + '/b')),\n"
        "        'gateway': look(lambda: os.listdir(home + '/gateway')),\n"
        "        'secrets': look(lambda: os.listdir(home + '/secrets')),\n"
        "        'shadow': look(lambda: open('/etc/shadow').read()),\n"
        "        'home': str(config.path()),\n"
        "        'late': look(lambda: open(home + '/late.db', 'a').write('x')),\n"
        "        'private': look(lambda: open(closed + '/private').read()),\n"
        "        'become': look(lambda: os.setuid(0)),\n"
        "    }\n"
    )
    with ZygoteProcess(tmp_path, home=str(home / "gateway"), MLRUN_LIKE_HOME=str(home)) as zygote:
        notes = zygote.until("ready")["notes"]
        (home / "late.db").write_text("made after the zygote")
        worker = zygote.start(order(document(code), uid=60_520, gid=60_520))
        worker.ready()
        found = worker.ask().json
        if notes:  # without the right to make namespaces
            pytest.skip("; ".join(notes))
        assert found == {
            "user": [60_520, 60_520, 60_520],
            "write": 1,
            "new": 1,
            "remove": "PermissionError",
            "gateway": "PermissionError",
            "secrets": "PermissionError",
            "shadow": "PermissionError",
            "private": "FileNotFoundError",
            "home": str(home),
            "late": 1,
            "become": "PermissionError",
        }
        other = zygote.start(order(document(code)))  # stays root, and sees everything
        other.ready()
        assert other.ask().json["gateway"] == ["functions.json"]
