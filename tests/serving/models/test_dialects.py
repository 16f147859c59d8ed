"""Forms in which requests travel: V1, tensors in JSON and in bytes, SageMaker."""

from __future__ import annotations

import struct
from typing import Any

import numpy
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, encode
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.binary import HEADER, BinaryDialect
from mlrun_like.serving.models.sagemaker import SageMakerDialect
from mlrun_like.serving.models.tensors import DATATYPES, read_tensor, tensors_of
from mlrun_like.serving.server import GraphServer


class Echo(V2ModelServer):
    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        return request["inputs"]


class Named(Echo):
    def predict(self, request: dict[str, Any]) -> Any:
        return [{"label": str(row), "score": 0.5} for row in request["inputs"]]


def served(cls: type = Echo, router: bool = False) -> GraphServer:
    graph = flow()
    if router:
        step: Any = graph.add_step("*", "models")
        step.add_route("m", class_name=cls)
        step.respond()
    else:
        graph.to(cls, "m").respond()
    return graph.to_mock_server()


def tensor(data: Any, shape: list[int], datatype: str = "INT64", name: str = "x") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


@pytest.mark.parametrize("router", [False, True], ids=["step", "router"])
def test_v1(router: bool) -> None:
    server = served(router=router)
    got = server.test("/v1/models/m:predict", body={"instances": [[1]]})
    assert got == {"predictions": [[1]]}
    bad = server.test("/v1/models/m:predict", body={"x": 1}, silent=True, get_body=False)
    assert bad.status_code == 400


@pytest.mark.parametrize("router", [False, True], ids=["step", "router"])
def test_one_tensor_is_rows(router: bool) -> None:
    server = served(router=router)
    body = {"id": "q", "inputs": [tensor([1, 2, 3, 4, 5, 6], [3, 2])], "parameters": {}}
    got = server.test("/v2/models/m/infer", body=body)
    assert got["id"] == "q" and got["model_name"] == "m"
    want = {"name": "output-0", "shape": [3, 2], "datatype": "INT64", "data": [1, 2, 3, 4, 5, 6]}
    assert got["outputs"] == [want]
    nested = server.test(
        "/v2/models/m/infer", body={"inputs": [tensor([[1.5], [2]], [2, 1], "FP32")]}
    )
    assert nested["outputs"][0]["data"] == [1.5, 2.0]


def test_several_tensors_are_columns() -> None:
    inputs = [tensor([1, 2], [2], name="a"), tensor(["u", "v"], [2, 1], "BYTES", "b")]
    got = served().test("/v2/models/m/infer", body={"inputs": inputs})["outputs"]
    assert [(item["name"], item["datatype"], item["data"]) for item in got] == [
        ("a", "INT64", [1, 2]),
        ("b", "BYTES", ["u", "v"]),
    ]


def test_outputs_by_name() -> None:
    server = served(Named)
    request = {"inputs": [tensor([1, 2], [2])], "outputs": [{"name": "score"}]}
    got = server.test("/v2/models/m/infer", body=request)["outputs"]
    assert got == [{"name": "score", "shape": [2], "datatype": "FP64", "data": [0.5, 0.5]}]
    wrong: tuple[Any, ...] = ([{"name": "other"}], "score", [3], [{}])
    for outputs in wrong:
        bad = server.test("/v2/models/m/infer", body={**request, "outputs": outputs}, silent=True,
                          get_body=False)  # fmt: skip
        assert bad.status_code == 400


@pytest.mark.parametrize(("kind", "dtype"), DATATYPES.items())
def test_every_datatype_goes_and_comes(kind: str, dtype: str) -> None:
    values: list[Any] = (
        ["a", "ü"] if kind == "BYTES" else [0, 1] if kind != "BOOL" else [True, False]
    )
    array = read_tensor(tensor(values, [2], kind))
    assert array.dtype == numpy.dtype(dtype) and array.tolist() == values
    assert tensors_of(numpy.asarray(array))[0]["datatype"] == kind


@pytest.mark.parametrize(
    "item",
    [
        tensor([1, 2, 3], [2]), tensor([1], [-1]), tensor([1], [1.0]),  # type: ignore[list-item]
        tensor([1], "1"), tensor([1], [2**62, 2**62]), tensor([300], [1], "UINT8"),  # type: ignore[arg-type]
        tensor([-1], [1], "UINT64"), tensor([1.5], [1], "INT32"), tensor(["a"], [1]),
        tensor([1], [1], "BYTES"), tensor([1], [1], "BOOL"), tensor([None], [1], "FP32"),
        tensor([{}], [1]), tensor([[1], [2, 3]], [3]), tensor([1], [1], "FLOAT"),
        tensor([1], [1], 5), tensor([2**70], [1]), tensor([1], [True]),  # type: ignore[arg-type]
        {"name": "x", "shape": [1], "datatype": "INT64"}, {"shape": [1], "datatype": "INT64"},
        {"name": 5, "shape": [1], "datatype": "INT64", "data": [1]},
    ],
)  # fmt: skip
def test_tensors_that_are_wrong(item: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        read_tensor(item)
    got = served().test("/infer", body={"inputs": [item]}, silent=True, get_body=False)
    if "shape" in item and "datatype" in item:
        assert got.status_code == 400


@pytest.mark.parametrize(
    "inputs",
    [[tensor([1], [1]), tensor([1, 2], [2], name="y")], [tensor([1], [1]), tensor([2], [1])],
     [tensor([1], [1]), 5]],
)  # fmt: skip
def test_tensors_that_do_not_fit_each_other(inputs: Any) -> None:
    got = served().test("/infer", body={"inputs": inputs}, silent=True, get_body=False)
    assert got.status_code == 400


def test_outputs_that_are_no_array() -> None:
    (found,) = tensors_of([[1], [2, 3]])
    assert found["datatype"] == "BYTES" and found["data"] == ["[1]", "[2,3]"]
    assert found["parameters"] == {"content_type": "json"} and found["shape"] == [2]
    assert tensors_of(5) == [{"name": "output-0", "shape": [], "datatype": "INT64", "data": [5]}]
    assert tensors_of([])[0]["shape"] == [0]
    assert tensors_of({"a": [1.5]})[0]["name"] == "a"


# Binary ------------------------------------------------------------------------------------------


def binary(request: dict[str, Any], *parts: bytes, size: int | None = None) -> Event:
    head = encode(request)
    headers = {HEADER: str(len(head) if size is None else size)}
    return Event(b"".join([head, *parts]), headers=headers, path="/v2/models/m/infer")


def packed(data: bytes, datatype: str, shape: list[int], name: str = "x") -> dict[str, Any]:
    parameters = {"binary_data_size": len(data)}
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": parameters}


@pytest.mark.parametrize("router", [False, True], ids=["step", "router"])
def test_binary_tensors(router: bool) -> None:
    server = served(router=router)
    data = numpy.asarray([1.5, 2.5], "<f4").tobytes()
    texts = struct.pack("<I", 2) + b"ab" + struct.pack("<I", 0)
    request = {"inputs": [packed(data, "FP32", [2], "a"), packed(texts, "BYTES", [2], "b")]}
    answer = server.run(binary(request, data, texts))
    assert [item["data"] for item in answer.body["outputs"]] == [[1.5, 2.5], ["ab", ""]]
    request["parameters"] = {"binary_data_output": True}  # type: ignore[assignment]
    answer = server.run(binary(request, data, texts))
    size = int(answer.headers[HEADER])
    told = decode(answer.body[:size])["outputs"]
    assert [item["parameters"]["binary_data_size"] for item in told] == [16, 10]
    assert answer.body[size:] == numpy.asarray([1.5, 2.5], "<f8").tobytes() + texts
    assert answer.content_type == "application/octet-stream"


def test_one_output_in_bytes() -> None:
    data = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    outputs = [{"name": "output-0", "parameters": {"binary_data": True}}]
    request = {"inputs": [packed(data, "INT64", [1])], "outputs": outputs}
    answer = served().run(binary(request, data))
    assert answer.body.endswith(data)


@pytest.mark.parametrize(
    "event",
    [
        binary({"inputs": []}, size=0), binary({"inputs": []}, size=10**6), binary([1]),  # type: ignore[arg-type]
        binary({"inputs": 5}), binary({"inputs": [packed(b"123", "FP32", [1])]}, b"123"),
        binary({"inputs": [packed(b"1234", "FP32", [2])]}, b"1234"),
        binary({"inputs": [packed(b"1234", "FP32", [1])]}, b"12"),
        binary({"inputs": [packed(b"", "FP32", [0])]}, b"rest"),
        binary({"inputs": [packed(b"\xff\xff\xff\xff", "BYTES", [1])]}, b"\xff\xff\xff\xff"),
        binary({"inputs": [packed(b"1", "WHAT", [1])]}, b"1"),
        Event(b"{}", headers={HEADER: "²"}), Event(b"{}", headers={HEADER: "9" * 400}),
        Event(b"{bad", headers={HEADER: "4"}),
    ],
)  # fmt: skip
def test_binary_bodies_that_are_wrong(event: Event) -> None:
    with pytest.raises(InvalidArgumentError):
        BinaryDialect().read(event.body, event)
    assert served().run(event).status_code == 400


# SageMaker ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("router", [False, True], ids=["step", "router"])
@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [[1]]}, {"predictions": [[1]]}),
        ({"dataframe_records": [{"a": 1}]}, {"predictions": [{"a": 1}]}),
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, {"predictions": [{"a": 1}]}),
        ({"dataframe_split": {"data": [[1]]}}, {"predictions": [[1]]}),
        ([[1], [2]], [[1], [2]]),
        (b"1,2.5\r\nx,\r\n", "1,2.5\nx,\n"),
    ],
)
def test_invocations(body: Any, answer: Any, router: bool) -> None:
    kind = "text/csv" if isinstance(body, bytes) else "application/json"
    server = served(router=router)
    got = server.test("/invocations", body=body, content_type=kind, get_body=False)
    assert got.body == answer
    assert server.test("/ping", method="GET", get_body=False).body["ready"] is True


@pytest.mark.parametrize("router", [False, True], ids=["step", "router"])
def test_json_lines(router: bool) -> None:
    server = served(router=router)
    body = b'[1, 2]\n\n{"features": [3]}\r\n{"a": 1, "b": "x"}\n"text"'
    kind = "application/jsonlines"
    got = server.test("/invocations", body=body, content_type=kind, get_body=False)
    assert got.body == '[1,2]\n[3]\n{"a":1,"b":"x"}\n"text"\n'
    assert got.content_type == kind
    accept = {"accept": "application/json"}
    got = server.test("/invocations", body=b"[1]", content_type=kind, headers=accept)
    assert got == {"predictions": [[1]]}
    lines = server.test(
        "/invocations", body={"instances": [[1], [2]]}, headers={"accept": kind}, get_body=False
    )
    assert lines.body == "[1]\n[2]\n"
    text = server.test("/invocations", body='["\u2028"]', content_type=kind, get_body=False)
    assert text.body == '["\u2028"]\n'
    broken = server.test(
        "/invocations", body=b"[1]\n{bad\n", content_type=kind, silent=True, get_body=False
    )
    assert broken.status_code == 400 and broken.body["error"].startswith("line 2: ")


@pytest.mark.parametrize("router", [False, True], ids=["step", "router"])
@pytest.mark.parametrize("path", ["/invocations", "/v2/models/m/infer", "/v1/models/m:predict"])
def test_types_that_nobody_understands(path: str, router: bool) -> None:
    def status(body: bytes, kind: str) -> int:
        answer = served(router=router).test(
            path, body=body, content_type=kind, silent=True, get_body=False
        )
        found: int = answer.status_code
        return found

    assert status(b"<x/>", "application/xml") == 415
    assert status(b"<x/>", "application/json") == 400
    assert status(b"<x/>", "") == 400
    known = b'{"instances": [1], "inputs": [1]}'
    assert status(known, "application/octet-stream") == 200


def test_accept_chooses_the_form_of_the_answer() -> None:
    server, rows = served(), {"inputs": [[1, "a,b"], [2, None]]}
    got: Response = server.test(
        "/invocations", body=rows, headers={"Accept": "text/csv"}, get_body=False
    )
    assert got.body == '1,"a,b"\n2,\n' and got.content_type.startswith("text/csv")
    got = server.test(
        "/invocations", body=b"1\n", content_type="text/csv; charset=utf-8",
        headers={"accept": "application/json"}, get_body=False,
    )  # fmt: skip
    assert got.body == {"predictions": [[1]]} or got.body["outputs"] == [[1]]
    assert server.test("/invocations", body=rows)["outputs"] == rows["inputs"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"\xff\xfe\x00", "text/csv"), (b'"open', "text/csv"), (b"{bad", "application/json"),
     ({"x": 1}, ""), ({"dataframe_split": [1]}, ""), (b"5", "application/json"),
     ({"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}}, ""), ({"instances": 5}, ""),
     ({"dataframe_split": {"columns": "ab", "data": [[1, 2]]}}, "")],
)  # fmt: skip
def test_invocations_that_are_wrong(body: Any, kind: str) -> None:
    got = served().test("/invocations", body=body, content_type=kind, silent=True, get_body=False)
    assert got.status_code == 400


def test_a_target_model_of_a_multi_model_endpoint() -> None:
    graph = flow()
    step: Any = graph.add_step("*", "models")
    step.add_route("a", class_name=Echo)
    step.add_route("b", class_name=Named)
    step.respond()
    server = graph.to_mock_server()
    headers = {"X-Amzn-SageMaker-Target-Model": "b"}
    assert server.test("/invocations", body={"instances": [1]}, headers=headers) == {
        "predictions": [{"label": "1", "score": 0.5}]
    }
    assert SageMakerDialect().read(None, Event(method="GET")) == {}
