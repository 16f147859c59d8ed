"""Real runs of two ranks: one record, every rank's output, and whatever may go wrong."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.runtimes.mpi.runtime import MpiRuntime
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.connect import close_stores, open_store
from tests.runtimes.mpi.conftest import Ranks

pytestmark = pytest.mark.slow


def _is_gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_one_rank_records_and_all_are_heard(ranks: Ranks) -> None:
    run = ranks.run(
        """
        def handler(context, rank, world_size, base=10):
            print("rank", rank, "of", world_size)
            context.log_result("who", rank)
            context.log_metric("loss", 0.5 + rank, step=1)
            context.log_artifact(f"note", body=f"from {rank}", format="txt")
            return base + rank
        """,
        parameters={"base": 20},
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results == {"who": 0, "loss": 0.5, "return": 20}
    assert sorted(ranks.log(run).splitlines()) == ["[1] rank 1 of 2", "rank 0 of 2"]
    stored = ranks.stored(run)
    assert stored["status"]["state"] == "completed"
    points = ranks.store.read_metrics("default", run.metadata.uid)["loss"]
    assert [point.value for point in points] == [0.5]
    (artifact,) = ranks.store.list_artifacts(ArtifactQuery(project="default", tree=""))
    path = artifact["spec"]["target_path"]
    assert Path(path).read_text() == "from 0"


def test_another_rank_may_record(spawned: Ranks) -> None:
    with config.override(logging_worker=1):
        run = spawned.run(
            """
            def handler(context, rank):
                context.log_result("who", rank)
                print("here", rank)
            """
        )
    assert run.status.results == {"who": 1}
    assert sorted(spawned.log(run).splitlines()) == ["[0] here 0", "here 1"]


def test_a_failing_rank_is_named_with_its_traceback(ranks: Ranks) -> None:
    begin = time.monotonic()
    run = ranks.run(
        """
        import time
        def handler(context, rank):
            context.log_result("begun", True, commit=True)
            if rank == 1:
                raise ValueError("bad rows")
            time.sleep(60)
        """
    )
    assert time.monotonic() - begin < 20
    assert run.status.state == "error"
    assert run.status.error is not None
    assert run.status.error.startswith("rank 1 on host ")
    assert run.status.error.endswith(" failed: ValueError: bad rows")
    assert 'raise ValueError("bad rows")' in run.status.traceback
    assert "mpirun" not in run.status.traceback
    assert [row["attempt"] for row in run.status.attempts] == [1]
    stored = ranks.stored(run)
    assert stored["status"]["error"] == run.status.error
    assert stored["status"]["traceback"] == run.status.traceback
    assert run.status.results.get("begun") is True


def test_what_fails_everywhere_is_the_functions_own_error(ranks: Ranks) -> None:
    run = ranks.run("def handler():\n    return 1 / 0\n")
    assert run.status.error == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("os.kill(os.getpid(), 9)", "was ended by signal 9 (SIGKILL)"),
        ("os._exit(7)", "ended with exit code 7"),
        ("os.abort()", "was ended by signal 6 (SIGABRT): native code crashed"),
    ],
)
def test_a_rank_that_dies_without_a_word_is_named(ranks: Ranks, end: str, told: str) -> None:
    run = ranks.run(
        f"""
        import os, time
        def handler(rank):
            if rank == 1:
                {end}
            time.sleep(60)
        """
    )
    assert run.status.state == "error"
    assert run.status.error is not None
    assert run.status.error.startswith("rank 1 on host ")
    assert told in run.status.error


def test_the_recording_rank_may_be_killed_too(ranks: Ranks) -> None:
    run = ranks.run(
        """
        import os, time
        def handler(context, rank):
            context.log_result("seen", 3, commit=True)
            if rank == 0:
                os.kill(os.getpid(), 9)
            time.sleep(60)
        """
    )
    assert run.status.error is not None
    assert run.status.error.startswith("rank 0 on host ")
    assert ranks.stored(run)["status"]["results"] == {"seen": 3}


def test_a_rank_that_hangs_ends_with_the_time_limit(ranks: Ranks) -> None:
    begin = time.monotonic()
    run = ranks.run(
        """
        import os, signal, time
        def handler(context, rank):
            print("pid", os.getpid(), flush=True)
            if rank == 1:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
                while True:
                    try:
                        time.sleep(60)
                    except BaseException:
                        continue
        """,
        timeout=1,
    )
    assert time.monotonic() - begin < 20
    assert run.status.state == "error"
    assert run.status.error is not None
    assert run.status.error.startswith("the run exceeded its timeout of 1 s; still at work: rank 1")
    pids = [int(line.split()[-1]) for line in ranks.log(run).splitlines() if "pid" in line]
    assert len(pids) == 2
    assert all(_is_gone(pid) for pid in pids)


def test_an_abort_ends_all_ranks(ranks: Ranks) -> None:
    job, wait = ranks.start(
        """
        import os, time
        def handler(context, rank):
            print("pid", os.getpid(), flush=True)
            try:
                time.sleep(60)
            finally:
                print("unwound", rank, flush=True)
        """
    )
    ranks.wait_log(job, "[1] pid")
    log = ranks.wait_log(job, "\npid") if not ranks.log(job).startswith("pid") else ranks.log(job)
    meta = job.run.metadata
    ranks.store.set_run_state(meta.project, meta.uid, 0, "aborting", "")
    run = wait()
    assert run.status.state == "aborted"
    assert "unwound 0" in ranks.log(job)
    assert "[1] unwound 1" in ranks.log(job)
    assert all(_is_gone(int(line.split()[-1])) for line in log.splitlines() if "pid" in line)


def test_the_launcher_may_be_killed(ranks: Ranks) -> None:
    job, wait = ranks.start(
        """
        import os, time
        def handler(context, rank):
            print("pid", os.getpid(), flush=True)
            time.sleep(60)
        """
    )
    log = ranks.wait_log(job, "[1] pid")
    launchers = []
    for task in Path("/proc/self/task").iterdir():
        children = task / "children"
        for pid in children.read_text().split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"mpirun" in command or b"mpi.spawn" in command:
                launchers.append(int(pid))
    (launcher,) = launchers
    os.kill(launcher, signal.SIGKILL)
    run = wait()
    assert run.status.state == "error"
    assert run.status.error
    pids = [int(line.split()[-1]) for line in log.splitlines() if "pid" in line]
    assert all(_is_gone(pid) for pid in pids)


def test_a_retry_goes_on(spawned: Ranks) -> None:
    run = spawned.run(
        """
        def handler(context, rank, checkpoint):
            if checkpoint.attempt < 2 and rank == 1:
                raise OSError("not yet")
            return checkpoint.attempt
        """,
        retry={"count": 1, "backoff": 0.01},
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == 2
    assert [row["attempt"] for row in run.status.attempts] == [1]


def test_new_interpreters_do_the_same(ranks: Ranks) -> None:
    if ranks.launcher == "spawn" and shutil.which("mpirun"):
        pytest.skip("test_hosts.py does this without MPI")
    with config.override(warm=False):
        run = ranks.run("def handler(context, rank):\n    print('at', rank)\n    return rank\n")
        assert run.status.results == {"return": 0}, run.status.error
        failed = ranks.run(
            "import os\ndef handler(rank):\n    os.kill(os.getpid(), 9) if rank else None\n"
            "    import time; time.sleep(60)\n"
        )
    assert "rank 1" in str(failed.status.error)
    assert "signal 9" in str(failed.status.error)
    assert sorted(ranks.log(run).splitlines()) == ["[1] at 1", "at 0"]


def test_variables_reach_every_rank(ranks: Ranks) -> None:
    run = ranks.run(
        """
        import os
        def handler(context, rank):
            print(os.environ["COLOUR"], os.environ["OMP_NUM_THREADS"].isdecimal(),
                  os.environ["RANK"], os.environ["WORLD_SIZE"], os.environ["LOCAL_RANK"],
                  os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"].isdecimal())
        """,
        {"env": [{"name": "COLOUR", "value": "blue sky"}]},
    )
    assert sorted(ranks.log(run).splitlines()) == [
        "[1] blue sky True 1 2 1 127.0.0.1 True",
        "blue sky True 0 2 0 127.0.0.1 True",
    ]


def test_all_ranks_draw_the_same_trials(spawned: Ranks) -> None:
    run = spawned.run(
        "def handler(context, rank, n):\n    print('trial', n)\n    context.log_result('n', n)\n",
        hyperparams={"n": list(range(100))},
        hyper_param_options={"strategy": "random", "max_iterations": 3, "selector": "max.n"},
    )
    assert run.status.state == "completed", run.status.error
    lines = spawned.log(run).splitlines()
    first = [line for line in lines if line.startswith("trial")]
    second = [line.removeprefix("[1] ") for line in lines if line.startswith("[1] trial")]
    assert len(first) == 3
    assert first == second


def test_more_ranks_than_cores(ranks: Ranks) -> None:
    size = (os.cpu_count() or 1) + 2
    run = ranks.run("def handler(world_size):\n    return world_size\n", {"replicas": size})
    assert run.status.results == {"return": size}, run.status.error


def test_a_launcher_that_refuses_is_explained(ranks: Ranks) -> None:
    run = ranks.run("def handler():\n    pass\n", {"mpi_args": ["--no-such-option"]})
    assert run.status.state == "error"
    assert "the launcher ended with exit code" in str(run.status.error)
    assert "no-such-option" in str(run.status.error)


def test_the_communicator(ranks: Ranks) -> None:
    if ranks.launcher == "spawn":
        pytest.skip("there is no MPI")
    pytest.importorskip("mpi4py")
    run = ranks.run("def handler(comm):\n    return comm.allreduce(comm.rank + 1)\n")
    assert run.status.results == {"return": 3}, run.status.error


def test_torch_finds_its_group(ranks: Ranks) -> None:
    pytest.importorskip("torch")
    if ranks.launcher == "spawn" and shutil.which("mpirun"):
        pytest.skip("test_hosts.py does this without MPI")
    run = ranks.run(
        """
        import torch
        import torch.distributed as dist
        def handler(rank):
            dist.init_process_group("gloo")
            value = torch.tensor([rank + 1.0])
            dist.all_reduce(value)
            dist.destroy_process_group()
            return float(value)
        """
    )
    assert run.status.results == {"return": 3.0}, run.status.error


def test_the_launcher_of_mpich() -> None:
    program = shutil.which("mpiexec.hydra") or shutil.which("mpiexec.mpich")
    if program is None:
        pytest.skip("no MPICH is installed beside Open MPI (Debian package 'mpich')")
    ranks = Ranks(open_store(), str(program))
    run = ranks.run("def handler(rank):\n    print('at', rank, 'x')\n    return rank\n")
    assert run.status.results == {"return": 0}, run.status.error
    assert sorted(ranks.log(run).splitlines()) == ["[1] at 1 x", "at 0 x"]
    killed = ranks.run(
        "import os, time\ndef handler(rank):\n"
        "    os.kill(os.getpid(), 9) if rank else time.sleep(60)\n"
    )
    assert "rank 1 on host" in str(killed.status.error)
    assert "signal 9" in str(killed.status.error)
    close_stores()


def test_the_kind_is_registered() -> None:
    from mlrun_like.registry import load

    assert load("runtimes", "mpijob") is MpiRuntime
    assert load("runtimes", "horovod") is MpiRuntime
