"""Records in a program's output: whole, torn, repeated, hostile."""

from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.relay import MARK, FrameReader, RelayStore, frame_lines, needed_objects


def read(data: bytes, step: int = 7) -> tuple[bytes, list[Any]]:
    records: list[Any] = []
    reader = FrameReader(records.append)
    text = b"".join(reader.feed(data[i : i + step]) for i in range(0, len(data), step))
    return text + reader.end(), records


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40).filter(lambda b: MARK.strip() not in b and not b.endswith(b"#")),
            st.dictionaries(st.text(max_size=5), st.text(max_size=9000), max_size=3),
        ),
        max_size=8,
    ),
    st.integers(1, 5000),
)
def test_text_and_records_come_apart_however_they_are_cut(items: list[Any], step: int) -> None:
    stream, text, records = b"", b"", []
    for number, item in enumerate(items, 1):
        if isinstance(item, bytes):
            stream += item
            text += item
        else:
            stream += b"".join(frame_lines("w", number, item))
            records.append(item)
    assert read(stream, step) == (text, records)


def test_lines_are_short_and_survive_repetition_and_loss() -> None:
    noise = "".join(random.Random(1).choices("abcdefgh0123456789", k=200_000))
    lines = list(frame_lines("w", 1, {"noise": noise}))
    assert len(lines) > 5
    assert max(map(len, lines)) < 4096
    later = list(frame_lines("w", 2, "second"))
    # a log is read again from an earlier line on
    _, records = read(b"".join([*lines[:4], *lines[2:], *later, *lines, *later]), 1000)
    assert records == [{"noise": noise}, "second"]
    # a line is lost: that record is, no other one
    _, records = read(b"".join([*lines[:3], *lines[4:], *later]), 1000)
    assert records == ["second"]


@pytest.mark.parametrize(
    "line",
    [
        b"#mlrun-like# ",
        b"#mlrun-like# w 1 1/1 00000000 AAAA",
        b"#mlrun-like# w x 1/1 0 a",
        b"#mlrun-like# w 1 1-1 0 a",
        b"#mlrun-like# w 1 1/1 " + b"z" * 100_000,
        b"#mlrun-like# #mlrun-like# #mlrun-like#",
        b"\x00\xff#mlrun-like# \xff \xff \xff \xff \xff",
    ],
)
def test_what_only_looks_like_a_record_harms_nothing(line: bytes) -> None:
    text, records = read(b"before" + line + b"\nafter\n")
    assert records == []
    assert text.startswith(b"before")
    assert text.endswith(b"after\n")


def test_a_record_that_unpacks_without_end_is_refused() -> None:
    packed = zlib.compress(b"0" * (300 << 20), 9)
    text = base64.b64encode(packed)
    line = MARK + f"w 1 1/1 {zlib.crc32(text):08x} ".encode() + text + b"\n"
    _, records = read(line, 100_000)
    assert records == []


def job() -> Job:
    run = RunDoc(
        metadata=RunMetadata(name="r", uid=new_uid(), project="default"),
        spec=RunSpec(inputs={"data": "store://artifacts/default/data"}),
    )
    return Job(FunctionDoc(), run, open_store())


def test_what_is_recorded_there_is_recorded_here() -> None:
    here = job()
    meta = here.run.metadata
    lines: list[bytes] = []
    there = RelayStore(write=lines.append)
    run = here.run.model_copy(deep=True)
    run.status.state = "running"
    there.store_run(run.to_dict())
    there.log_metrics("default", meta.uid, 0, [MetricPoint("loss", 0.5, 1, 10.0)])
    there.store_artifact(
        {"kind": "", "metadata": {"key": "m", "project": "default", "uid": "u1", "tree": meta.uid}}
    )
    there.record_use("default", meta.uid, "store://x", "write")
    saved = {"kind": "job", "metadata": {"name": "made-there", "project": "default"}}
    there.store_function(saved, tag="v1")
    run.status.state, run.status.results = "completed", {"a": 1}
    there.store_run(run.to_dict())
    there.finish(run)
    there.close()

    relayed = Relayed(here)
    assert relayed.feed(b"hello " + b"".join(lines) + b"world\n") == b"hello world\n"
    assert relayed.finished is not None
    assert relayed.finished.status.results == {"a": 1}
    here.store.flush()
    assert here.store.read_run("default", meta.uid)["status"]["state"] == "completed"
    assert here.store.read_metrics("default", meta.uid)["loss"][0].value == 0.5
    assert here.store.read_artifact("default", "m")["metadata"]["uid"] == "u1"
    assert here.store.lineage("default", uid=meta.uid)
    assert here.store.read_function("default", "made-there", tag="v1")["kind"] == "job"


def test_output_cannot_change_another_run() -> None:
    mine, other = job(), job()
    other.store.store_run(other.run.to_dict())
    forged = other.run.model_copy(deep=True)
    forged.status.state = "completed"
    lines: list[bytes] = []
    there = RelayStore(write=lines.append)
    there.store_run(forged.to_dict())
    there.finish(forged)
    there.close()
    relayed = Relayed(mine)
    relayed.feed(b"".join(lines))
    for number, junk in enumerate((["run"], ["run", 3], {"a": 1}, ["__init__", 1], []), 1):
        relayed.feed(b"".join(frame_lines("junk", number, junk)))
    assert relayed.finished is None
    mine.store.flush()
    state = mine.store.read_run("default", other.run.metadata.uid)["status"]["state"]
    assert state == "created"


def test_a_run_takes_the_artifacts_along_that_it_reads() -> None:
    here = job()
    here.store.store_artifact(
        {
            "kind": "",
            "metadata": {"key": "data", "project": "default", "uid": "u2", "tree": "t"},
            "spec": {"target_path": "s3://bucket/data"},
        }
    )
    objects = json.loads(json.dumps(needed_objects(here.store, here.run)))
    there = RelayStore(objects, write=lambda line: None)
    found = there.read_artifact("default", "data")
    there.close()
    assert found["spec"]["target_path"] == "s3://bucket/data"
