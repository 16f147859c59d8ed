"""Runs in real containers: what they get, what they may use, what they leave behind."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, PreflightError, RunAbortedError, RunError
from mlrun_like.names import new_uid
from mlrun_like.runtimes.container.site import python_tag
from mlrun_like.tracking.base import RunQuery
from tests.containers import base_image, podman
from tests.registries import PASSWORD, USER, registry_server

if TYPE_CHECKING:
    from tests.runtimes.container.conftest import Make

pytestmark = pytest.mark.slow

ENDLESS = """
import time
def handler(context):
    print("it goes on", flush=True)
    while True:
        time.sleep(0.05)
"""


def wait_for(check: Any, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not seen within {seconds} s")


def containers(uid: str = "") -> list[str]:
    label = f"label=mlrun-like.run={uid}" if uid else "label=mlrun-like.run"
    return podman("ps", "-a", "--filter", label, "--format", "{{.Names}}").split()


def begin(function: Any, **options: Any) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def submit() -> None:
        try:
            function.run(watch=False, **options)
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            errors.append(exc)

    thread = threading.Thread(target=submit, daemon=True)
    thread.start()
    return thread, errors


def running(name: str) -> dict[str, Any]:
    """The record of a run that has begun to print."""
    store = ml.get_run_db()

    def seen() -> Any:
        store.flush()
        for run in store.list_runs(RunQuery(project="*", name=name)):
            if b"it goes on" in store.read_log("default", run["metadata"]["uid"]):
                return run
        return None

    return dict(wait_for(seen))


def test_nothing_is_left_behind(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    run = make("def handler():\n    return 1\n").run(watch=False)
    with pytest.raises(RunError):
        make("def handler():\n    raise ValueError\n").run(watch=False)
    wait_for(lambda: not containers(run.uid()))
    assert not list((tmp_path / "temporary").iterdir())


def test_an_image_without_this_package(make: Make) -> None:
    function = make(
        """
        import sys, mlrun_like, pandas
        def handler(context):
            context.log_dataset("table", pandas.DataFrame({"x": [1, 2]}))
            return mlrun_like.__file__
        """,
        image=base_image(),
    )
    if python_tag().startswith("cpython-311-"):
        run = function.run(watch=False)
        assert run.outputs["return"].startswith("/mlrun-like/site")
        assert len(run.artifact("table").as_df()) == 2
    else:
        with pytest.raises(RunError, match="the image has no mlrun_like, and its Python"):
            function.run(watch=False)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[str]:
    """An image with next to nothing in it."""
    with tarfile.open(tmp_path / "empty.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("file"), io.BytesIO())
    name = f"localhost/mlrun-like-empty:{new_uid()[:8]}"
    podman("import", "-q", str(tmp_path / "empty.tar"), name)
    yield name
    wait_for(lambda: not podman("ps", "-aq", "--filter", f"ancestor={name}"))
    podman("rmi", "-f", name)


def test_an_image_without_python(make: Make, empty: str) -> None:
    with pytest.raises(RunError, match="has no python3 on its PATH"):
        make("def handler():\n    pass\n", image=empty).run(watch=False)


def test_images_of_a_registry_with_a_login(make: Make, empty: str) -> None:
    with registry_server(password=True) as registry:
        name = f"{registry.host}/team/empty:1"
        login = ["--tls-verify=false", "--creds", f"{USER}:{PASSWORD}"]
        podman("push", "-q", *login, empty, f"docker://{name}")
        function = make("def handler():\n    pass\n", image=name)
        (found,) = function.check()
        assert (found.code, found.severity) == ("image-unknown", "warning")
        with pytest.raises(RunError, match="no login, or there is no such image"):
            function.run(watch=False)
        with config.override(registry_auth=f"{registry.host}={USER}:{PASSWORD}"):
            assert function.check() == []
            with pytest.raises(RunError, match="has no python3 on its PATH"):  # so it was pulled
                function.run(watch=False)
            podman("rmi", "-f", name)
            absent = make("def handler():\n    pass\n", image=f"{registry.host}/team/empty:2")
            start = time.monotonic()
            with pytest.raises(PreflightError, match="is neither on this machine nor at 127"):
                absent.run(watch=False)
            assert time.monotonic() - start < 2


def test_memory_is_limited_and_the_end_explained(make: Make) -> None:
    function = make(
        """
        def handler():
            print("it goes on", flush=True)
            return len(b"x" * (1 << 30))
        """,
        resources={"limits": {"memory": "200Mi"}},
    )
    with pytest.raises(RunError) as caught:
        function.run(watch=False)
    text = str(caught.value)
    assert "out of memory: it was killed at its memory limit of 200Mi" in text
    assert 'fn.with_limits(mem="400Mi")' in text


def test_cpus_are_limited(make: Make) -> None:
    function = make(
        """
        from pathlib import Path
        def handler():
            new, old = Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
            text = new.read_text() if new.exists() else old.read_text()
            return int(text.split()[0])
        """,
        resources={"limits": {"cpu": "500m"}},
    )
    assert function.run(watch=False).outputs["return"] == 50_000


def test_volumes(make: Make, home: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a,b: ç"
    odd.mkdir()
    (odd / "in.txt").write_text("from here")
    for path, text in (
        ("secrets/db/password", "s3cret"),
        ("secrets/db/user", "me"),
        ("configmaps/app/conf", "x=1"),
    ):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    claim = f"mlrun-like-test-{new_uid()[:8]}"
    function = make(
        """
        import os
        from pathlib import Path
        def handler(context):
            read = lambda path: Path(path).read_text()
            Path("/odd/out.txt").write_text("from inside")
            Path("/scratch/x").write_text("1")
            Path("/claim/x").write_text("1")
            refused = []
            for path in ("/fixed/new", "/secret/password"):
                try:
                    Path(path).write_text("no")
                except OSError:
                    refused.append(path)
            return {
                "in": read("/fixed/in.txt"), "again": read("/scratch2/x"),
                "secret": sorted(os.listdir("/secret")), "password": read("/secret/password"),
                "one": read("/one/pw"), "conf": read("/app.conf"), "refused": refused,
                "memory": os.statvfs("/memory").f_blocks * os.statvfs("/memory").f_frsize,
            }
        """,
        volumes=[
            {"name": "odd", "hostPath": {"path": str(odd)}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},
            {"name": "secret", "secret": {"secretName": "db"}},
            {
                "name": "one",
                "secret": {"secretName": "db", "items": [{"key": "password", "path": "pw"}]},
            },
            {"name": "conf", "config_map": {"name": "app"}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": claim}},
        ],
        volume_mounts=[
            {"name": "odd", "mountPath": "/odd"},
            {"name": "odd", "mountPath": "/fixed", "readOnly": True},
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "scratch", "mount_path": "/scratch2"},
            {"name": "memory", "mountPath": "/memory"},
            {"name": "secret", "mountPath": "/secret"},
            {"name": "one", "mountPath": "/one"},
            {"name": "conf", "mountPath": "/app.conf", "subPath": "conf"},
            {"name": "claim", "mountPath": "/claim"},
        ],
    )
    try:
        run = function.run(watch=False, returns=["seen:result"])
        assert run.outputs["seen"] == {
            "in": "from here",
            "again": "1",
            "secret": ["password", "user"],
            "password": "s3cret",
            "one": "s3cret",
            "conf": "x=1",
            "refused": ["/fixed/new", "/secret/password"],
            "memory": 8 << 20,
        }
        assert (odd / "out.txt").read_text() == "from inside"
        wait_for(lambda: not containers(run.uid()))
    finally:
        podman("volume", "rm", "-f", claim)


def test_secrets_are_files_and_seen_nowhere(make: Make, home: Path) -> None:
    (home / "secrets/db").mkdir(parents=True)
    (home / "secrets/db/password").write_text("geheim-db")
    function = make(
        """
        import os, time
        from pathlib import Path
        def handler(context):
            found = [os.environ["DB"], context.get_secret("TOKEN"),
                     Path("/run/secrets/TOKEN").read_text()]
            print("it goes on", flush=True)
            time.sleep(2)
            return [value[::-1] for value in found]
        """
    )
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    function.spec.env = [{"name": "DB", "valueFrom": reference}]
    task = ml.new_task(name="hidden").with_secrets("inline", {"TOKEN": "geheim-4711"})
    thread, errors = begin(function, runspec=task, returns=["seen:result"])
    record = running("hidden")
    (name,) = containers(record["metadata"]["uid"])
    shown = podman("inspect", name) + podman("ps", "-a", "--no-trunc")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            shown += path.read_text(errors="replace")
        except OSError:
            continue
    thread.join(30)
    assert not errors
    assert "geheim" not in shown
    (record,) = ml.get_run_db().list_runs(RunQuery(project="*", name="hidden"))
    texts = ["geheim-db", "geheim-4711", "geheim-4711"]
    assert record["status"]["results"]["seen"] == [text[::-1] for text in texts]


def test_a_killed_submitter_leaves_no_container(make: Make, tmp_path: Path) -> None:
    make(ENDLESS).export(str(tmp_path / "f.yaml"))
    code = (
        "import sys, mlrun_like as ml\nml.config.home = sys.argv[1]\n"
        "ml.config.container_tool = 'podman'\n"
        "ml.import_function(sys.argv[2]).run(name='orphan', watch=False)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, config.home, str(tmp_path / "f.yaml")])
    try:
        record = running("orphan")
        uid = record["metadata"]["uid"]
        assert containers(uid)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    wait_for(lambda: not containers(uid))
    store = ml.get_run_db()
    state = wait_for(
        lambda: (
            store.read_run("default", uid)["status"]["state"] in ("aborted", "error")
            and store.read_run("default", uid)["status"]
        )
    )
    assert state["error"]


def test_abort_of_code_that_does_not_listen(make: Make) -> None:
    function = make(
        """
        import signal, time
        def handler():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("it goes on", flush=True)
            while True:
                try:
                    time.sleep(1)
                except BaseException:
                    pass
        """
    )
    thread, errors = begin(function, name="deaf")
    record = running("deaf")
    store = ml.get_run_db()
    assert ml.RunObject.from_dict(record, store).abort(30) == "aborted"
    thread.join(30)
    assert isinstance(errors[0], RunAbortedError)
    wait_for(lambda: not containers(record["metadata"]["uid"]))


def test_files_belong_to_the_submitter(make: Make) -> None:
    run = make(
        """
        import os
        def handler(context):
            context.log_artifact("a", body="x", local_path="a.txt")
            return [os.getuid(), os.getgid(), os.access(os.path.expanduser("~"), os.W_OK)]
        """
    ).run(watch=False, returns=["ids:result"])
    assert run.outputs["ids"] == [os.getuid(), os.getgid(), True]
    path = Path(run.artifact("a").local())
    assert path.stat().st_uid == os.getuid()
    assert path.read_text() == "x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_another_user_reports_through_its_output(make: Make, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    function = make(
        """
        import os
        import pandas as pd
        def handler(context, table: pd.DataFrame):
            print("plain text")
            context.log_metric("loss", 0.5, step=1)
            context.log_artifact("a", body="x", local_path="a.txt")
            context.log_dataset("d", table)
            return [os.getuid(), os.getgid(), os.environ["HOME"] != ""]
        """,
        security_context={"runAsUser": 12345, "runAsGroup": 23456},
    )
    os.chmod(tmp_path / "in.csv", 0o644)
    run = function.run(watch=False, inputs={"table": "in.csv"}, returns=["ids:result"])
    assert run.outputs["ids"] == [12345, 23456, True]
    assert run.artifact("a").get() == b"x"
    assert len(run.artifact("d").as_df()) == 1
    assert run.metrics("loss")["loss"] == [(1, 0.5)]
    assert "plain text" in run.logs() and "#mlrun-like#" not in run.logs()
    stored = ml.get_run_db().read_run("default", run.uid())
    assert stored["status"]["state"] == "completed"
    thread, errors = begin(
        make(ENDLESS, security_context={"run_as_user": 12345}), name="other-user"
    )
    record = running("other-user")
    assert ml.RunObject.from_dict(record, ml.get_run_db()).abort(30) == "aborted"
    thread.join(30)
    assert isinstance(errors[0], RunAbortedError)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home folder nobody may enter")
def test_another_user_reaches_what_root_shares(make: Make, image: str) -> None:
    with (
        tempfile.TemporaryDirectory(dir=Path("~root").expanduser()) as folder,
        config.override(home=folder),
    ):
        function = make(
            """
            import os
            def handler(context):
                context.log_artifact("a", body="x", local_path="a.txt")
                return os.getuid()
            """,
            security_context={"runAsUser": 12345},
        )
        run = function.run(watch=False)
        assert run.outputs["return"] == 12345
        assert run.artifact("a").get() == b"x"
        ml.get_run_db().close()


def test_one_store_for_containers_and_this_process(make: Make, home: Path) -> None:
    """SQLite's write-ahead log is shared by all processes of one kernel, in containers or not."""
    function = make(
        """
        def handler(context, n):
            for step in range(200):
                context.log_metric(f"m{n}", step, step=step)
                if step % 20 == 0:
                    context.log_result("at", step, commit=True)
            return n
        """
    )
    threads = [begin(function, params={"n": n}, name=f"writer{n}") for n in range(2)]
    here = ml.new_function(kind="handler")
    count = 0
    while any(thread.is_alive() for thread, _ in threads):
        here.run(handler=lambda context: context.log_result("x", 1), name="here", watch=False)
        count += 1
    assert not [error for _, errors in threads for error in errors]
    store = ml.get_run_db()
    for n in range(2):
        (record,) = store.list_runs(RunQuery(project="*", name=f"writer{n}"))
        points = store.read_metrics("default", record["metadata"]["uid"])
        assert len(points[f"m{n}"]) == 200
    assert len(store.list_runs(RunQuery(project="*", name="here"))) == count > 3
    assert not list(home.glob("spool/**/*.jsonl"))
    store.close()
    with sqlite3.connect(home / "store.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()


def test_no_network(make: Make) -> None:
    with config.override(container_network="none"):
        run = make("import os\ndef handler():\n    return os.listdir('/sys/class/net')\n").run(
            watch=False, returns=["net:result"]
        )
    assert run.outputs["net"] == ["lo"]


def test_folder_and_module_path(make: Make, tmp_path: Path) -> None:
    (tmp_path / "proj/lib").mkdir(parents=True)
    (tmp_path / "proj/lib/beside_me.py").write_text("VALUE = 7\n")
    code = """
    import os
    def handler():
        import beside_me
        return [os.getcwd(), beside_me.VALUE]
    """
    volume = {
        "volumes": [{"name": "p", "hostPath": {"path": str(tmp_path / "proj")}}],
        "volume_mounts": [{"name": "p", "mountPath": "/proj"}],
    }
    run = make(code, workdir="/proj", pythonpath="lib", **volume).run(
        watch=False, returns=["seen:result"]
    )
    assert run.outputs["seen"] == ["/proj", 7]
    with pytest.raises(RunError, match="working folder '/not/there' is not in the image") as caught:
        make(code, workdir="/not/there").run(watch=False)
    assert "mount a volume there" in str(caught.value)


def test_a_file_that_is_not_embedded(make: Make, image: str, tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("VALUE = 7\n")
    (tmp_path / "where_it_is.py").write_text(
        "import beside_it\n\ndef handler():\n    return beside_it.VALUE\n"
    )
    function = ml.code_to_function(
        "file",
        kind="container",
        image=image,
        filename="where_it_is.py",
        handler="handler",
        embed_code=False,
    )
    assert function.run(watch=False).outputs["return"] == 7


def test_a_program_of_the_image(make: Make, image: str) -> None:
    function = ml.new_function(
        "ls", kind="container", image=image, command="/bin/ls", args=["-d", "/{name}"], mode="pass"
    )
    run = function.run(params={"name": "etc"}, watch=False)
    assert "/etc" in run.logs()


def test_images_that_cannot_be_had(make: Make) -> None:
    code = "def handler():\n    pass\n"
    with pytest.raises(PreflightError, match="'localhost/nothing:1' is not on this machine"):
        make(code, image="localhost/nothing:1").run(watch=False)
    with pytest.raises(PreflightError, match="image_pull_policy is Never"):
        make(code, image="example.com/x:1", image_pull_policy="Never").run(watch=False)
    with pytest.raises(RunError, match=r"the registry of '127\.0\.0\.1:1/x/y:1' cannot be"):
        make(code, image="127.0.0.1:1/x/y:1").run(watch=False)


def test_the_tool_is_chosen(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    function = make("import os\ndef handler():\n    return os.path.exists('/mlrun-like')\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="podman is not on PATH"):
        function.run(watch=False, local=False)
    with config.override(container_tool="auto"):
        run = function.run(watch=False)  # a process stands in
    assert run.outputs["return"] is False
    assert "no container tool is installed" in run.logs()


def test_labels_and_host_name(make: Make) -> None:
    thread, errors = begin(
        make(
            """
            import socket, time
            def handler(context):
                print("it goes on", flush=True)
                time.sleep(1)
                return socket.gethostname()
            """
        ),
        name="labelled",
    )
    record = running("labelled")
    uid = record["metadata"]["uid"]
    (name,) = containers(uid)
    labels = json.loads(podman("inspect", "-f", "{{json .Config.Labels}}", name))
    thread.join(30)
    assert not errors
    assert labels["mlrun-like.run"] == uid and labels["mlrun-like.name"] == "labelled"
    stored = ml.get_run_db().read_run("default", uid)
    assert stored["status"]["results"]["return"] == stored["status"]["host"] == name
