"""Checkpoints that are whole or not there, and training that goes on from the last one."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.stores import open_file_store
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.mpi.elastic import Checkpoint
from tests.runtimes.mpi.conftest import Ranks

TRAIN = """
import os, signal
import torch
import torch._dynamo  # DistributedDataParallel needs it; so it is imported once, in the warm server
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

def handler(context, rank, world_size, checkpoint, epochs=5, dies_in=0):
    torch.manual_seed(0)
    dist.init_process_group("gloo")
    model = DistributedDataParallel(torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    start = 0
    folder = checkpoint.load()
    if folder is not None:
        state = torch.load(folder / "state.pt")
        model.module.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start = checkpoint.step + 1
        print("goes on at", start, flush=True)
    data = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
    for epoch in range(start, epochs):
        optimizer.zero_grad()
        part = data[rank::world_size] * (epoch + 1)
        loss = ((model(part) - part.sum(1, keepdim=True)) ** 2).mean()
        loss.backward()
        optimizer.step()
        if epoch == dies_in - 1 and checkpoint.attempt == 1 and rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        dist.barrier()
        with checkpoint.save(epoch) as folder:
            state = {"model": model.module.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state, folder / "state.pt")
    context.log_result("weights", model.module.weight.detach().flatten().tolist())
"""


def test_nothing_yet(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path / "none"))
    assert checkpoint.load() is None
    assert checkpoint.step is None


@pytest.mark.parametrize("scheme", ["", "file://", "memory://"])
def test_save_and_load(tmp_path: Path, scheme: str) -> None:
    folder = f"{scheme}{tmp_path}/a"
    checkpoint = Checkpoint(folder)
    for step in (1, 5, 3):
        with checkpoint.save(step) as new:
            (new / "deep").mkdir()
            (new / "deep" / "w.txt").write_text(str(step))
    again = Checkpoint(folder)
    assert again.steps == [3, 5]  # two are kept
    loaded = again.load()
    assert loaded is not None
    assert (loaded / "deep" / "w.txt").read_text() == "5"
    with checkpoint.save(5) as new:
        (new / "other.txt").write_text("replaced")
    loaded = Checkpoint(folder).load()
    assert loaded is not None
    assert [file.name for file in loaded.rglob("*") if file.is_file()] == ["other.txt"]


def test_a_block_that_fails_saves_nothing(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path))
    with pytest.raises(KeyError), checkpoint.save(1) as folder:
        (folder / "half").write_text("x")
        raise KeyError("no")
    assert list(tmp_path.iterdir()) == []


def test_ranks_that_do_not_write(tmp_path: Path) -> None:
    with Checkpoint(str(tmp_path), writes=False).save(1) as folder:
        (folder / "w").write_text("x")
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [-1, True, 1.5, "3", None, 10**18])
def test_steps_are_numbers(tmp_path: Path, step: Any) -> None:
    with (
        pytest.raises(InvalidArgumentError, match="step"),
        Checkpoint(str(tmp_path)).save(step),
    ):
        pass
    with pytest.raises(InvalidArgumentError, match="keep"):
        Checkpoint(str(tmp_path), keep=0)


def test_what_is_not_complete_does_not_count(tmp_path: Path) -> None:
    base = f"memory://{tmp_path}/b"
    checkpoint = Checkpoint(base)
    with checkpoint.save(1) as folder:
        (folder / "w").write_text("1")
    store, path = open_file_store(f"{base}/step-000000000002/w")
    store.write(path, [b"half"])
    for broken in (b"", b"{", b'{"a":1}', b"[3]", b"\xff"):
        store, path = open_file_store(f"{base}/step-000000000003/COMPLETE")
        store.write(path, [broken])
        assert Checkpoint(base).steps == [1]
    store.write(path, [b'["../../escape"]'])
    with pytest.raises(InvalidArgumentError, match="outside"):
        Checkpoint(base).load()
    (tmp_path / "c" / "step-x").mkdir(parents=True)
    (tmp_path / "c" / ".new-1").mkdir()
    assert Checkpoint(str(tmp_path / "c")).steps == []


def _write_for_ever(folder: str) -> None:
    checkpoint = Checkpoint(folder)
    step = 0
    while True:
        with checkpoint.save(step) as new:
            for name in "abcd":
                (new / name).write_bytes(bytes([step % 256]) * 50_000)
        step += 1


@pytest.mark.slow
def test_a_writer_killed_half_way_leaves_a_whole_one(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    for moment in (0.15, 0.21, 0.27):
        writer = spawn.Process(target=_write_for_ever, args=(str(tmp_path),))
        writer.start()
        time.sleep(moment)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(10)
        writer.close()
        checkpoint = Checkpoint(str(tmp_path))
        folder = checkpoint.load()
        if folder is None:
            continue
        contents = {(folder / name).read_bytes() for name in "abcd"}
        assert len(contents) == 1
        assert contents.pop() == bytes([(checkpoint.step or 0) % 256]) * 50_000
    with Checkpoint(str(tmp_path)).save(10**6) as folder:
        (folder / "w").write_text("x")
    assert not [item for item in tmp_path.iterdir() if item.name.startswith(".")]


@pytest.mark.slow
def test_training_killed_half_way_ends_with_the_same_weights(ranks: Ranks) -> None:
    pytest.importorskip("torch")
    if ranks.launcher == "spawn" and shutil.which("mpirun"):
        pytest.skip("what starts the ranks makes no difference")
    whole = ranks.run(TRAIN)
    assert whole.status.state == "completed", whole.status.error
    broken = ranks.run(TRAIN, parameters={"dies_in": 4}, retry={"count": 1, "backoff": 0.01})
    assert broken.status.state == "completed", broken.status.error
    assert "rank 1 on host" in broken.status.attempts[0]["error"]
    assert "goes on at 3" in ranks.log(broken)
    assert broken.status.results["weights"] == whole.status.results["weights"]
