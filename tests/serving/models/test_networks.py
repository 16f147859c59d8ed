"""PyTorchModelServer, ONNXModelServer, TFKerasModelServer and HuggingFaceModelServer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from mlrun_like.errors import GraphError
from mlrun_like.functions.decorators import function
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models.huggingface import HuggingFaceModelServer
from mlrun_like.serving.models.onnx import ONNXModelServer
from mlrun_like.serving.models.pytorch import PyTorchModelServer
from mlrun_like.serving.models.tf_keras import TFKerasModelServer
from mlrun_like.serving.server import GraphServer

pytestmark = pytest.mark.slow
quiet = pytest.mark.filterwarnings("ignore")
"""Importing these packages warns about their own insides."""


def served(cls: type, **values: Any) -> GraphServer:
    graph = flow()
    graph.to(cls, "net", **values).respond()
    return graph.to_mock_server()


def outputs(server: GraphServer, inputs: Any, **values: Any) -> Any:
    return server.test(body={"inputs": inputs, **values})["outputs"]


def refusal(server: GraphServer, inputs: Any) -> str:
    got = server.test(body={"inputs": inputs}, silent=True, get_body=False)
    assert got.status_code == 400, got.body
    return str(got.body["error"])


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    rows = numpy.asarray([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]], dtype="float32")
    model = linear.LogisticRegression().fit(rows, [0, 1, 0, 1])
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    path.write_bytes(skl2onnx.to_onnx(model, rows[:1]).SerializeToString())
    return path


@pytest.fixture(scope="module")
def keras() -> Iterator[Any]:
    pytest.importorskip("torch", reason="torch is not installed")
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = before or "torch"
    yield pytest.importorskip("keras", reason="keras is not installed")
    if before is None:
        del os.environ["KERAS_BACKEND"]


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="torch is not installed")
    transformers: Any = pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizers: Any = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("hf")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]
    numbers = {word: n for n, word in enumerate(words)}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, "[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=16, id2label={0: "neg", 1: "pos"},
        label2id={"neg": 0, "pos": 1},
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@quiet
class TestPyTorch:
    @pytest.fixture
    def torch(self) -> Any:
        torch = pytest.importorskip("torch", reason="torch is not installed")
        torch.set_num_threads(1)
        return torch

    def linear(self, torch: Any) -> Any:
        model = torch.nn.Linear(2, 1)
        with torch.no_grad():
            model.weight[:] = torch.tensor([[1.0, 2.0]])
            model.bias[:] = 0.5
        return model

    def test_the_state_of_a_module(self, torch: Any, tmp_path: Path) -> None:
        torch.save(self.linear(torch).state_dict(), tmp_path / "net.pt")
        values = {"in_features": 2, "out_features": 1}
        server = served(PyTorchModelServer, model_path=str(tmp_path),
                        model_class="torch.nn:Linear", model_args=values)  # fmt: skip
        assert outputs(server, [[1, 1], [0, 2]]) == [[3.5], [4.5]]
        assert not server.plan.nodes["net"].bound.made.model.training
        assert "refused the rows" in refusal(server, [[1, 2, 3]])
        assert "not a number" in refusal(server, [["a", "b"]])
        assert "differ in length" in refusal(server, [[1, 2], [1]])
        with pytest.raises(GraphError, match="does not hold the state"):
            served(PyTorchModelServer, model_path=str(tmp_path), model_class=torch.nn.Linear,
                   model_args={"in_features": 3, "out_features": 1})  # fmt: skip
        with pytest.raises(GraphError, match="cannot be imported"):
            served(PyTorchModelServer, model_path=str(tmp_path), model_class="torch.nn:Nothing")
        with pytest.raises(GraphError, match="could execute code"):
            served(PyTorchModelServer, model_path=str(tmp_path))

    def test_a_whole_module_and_one_with_several_outputs(self, torch: Any, tmp_path: Path) -> None:
        torch.save(self.linear(torch), tmp_path / "net.pt")
        server = served(PyTorchModelServer, model_path=str(tmp_path / "net.pt"), trust=True)
        assert outputs(server, [[1, 1]]) == [[3.5]]
        torch.save({"weight": 1}, tmp_path / "dict.pt")
        with pytest.raises(GraphError, match="not a module of PyTorch"):
            served(PyTorchModelServer, model_path=str(tmp_path / "dict.pt"), trust=True)

        class Two(torch.nn.Module):  # type: ignore[misc]
            def forward(self, x: Any) -> Any:
                return {"sum": x.sum(1), "max": x.max(1).values}

        found = outputs(served(PyTorchModelServer, model=Two(), dtype="int64"), [[1, 2]])
        assert found == {"sum": [3], "max": [2]}
        got = served(PyTorchModelServer, model=Two(), dtype="text").test(
            body={"inputs": [[1]]}, silent=True, get_body=False
        )
        assert got.status_code == 400 and "no type of a tensor" in got.body["error"]

    def test_a_logged_module(self, torch: Any) -> None:
        def train(context: Any) -> None:
            torch.save(self.linear(torch), "net.pt")
            context.log_model("net", model_file="net.pt", inputs=["a", "b"], framework="pytorch")
            os.remove("net.pt")

        run = function(name="train")(train).run(watch=False)
        server = served(PyTorchModelServer, model_path=run.outputs["net"])
        assert outputs(server, [{"b": 1, "a": 1}]) == [[3.5]]
        assert server.test("/", method="GET")["platform"] == "pytorch"


@quiet
class TestONNX:
    def test_rows(self, onnx_file: Path) -> None:
        server = served(ONNXModelServer, model_path=str(onnx_file.parent))
        assert outputs(server, [[1, 0], [0, 1]]) == [1, 0]
        assert outputs(server, []) == []
        assert "must have 2 values" in refusal(server, [[1, 2, 3]])
        assert "takes numbers" in refusal(server, [["a", "b"]])
        assert outputs(server, {"a": [1], "b": [0]}) == [1]

    def test_outputs_by_name(self, onnx_file: Path) -> None:
        names = ["output_label", "output_probability"]
        server = served(ONNXModelServer, model_path=str(onnx_file), outputs=names)
        (row,) = outputs(server, [[1, 0]])
        assert row["output_label"] == 1 and row["output_probability"][1] > 0.5
        server = served(ONNXModelServer, model_path=str(onnx_file), outputs="output_probability")
        assert outputs(server, [[1, 0]])[0][1] > 0.5
        with pytest.raises(GraphError, match="no output 'x'"):
            served(ONNXModelServer, model_path=str(onnx_file), outputs="x")

    def test_several_inputs(self, onnx_file: Path, tmp_path: Path) -> None:
        helper: Any = pytest.importorskip("onnx.helper")

        def value(name: str, kind: int) -> Any:
            return helper.make_tensor_value_info(name, kind, [None, 1])

        floats = pytest.importorskip("onnx").TensorProto.FLOAT
        graph = helper.make_graph(
            [helper.make_node("Add", ["a", "b"], ["sum"])], "g",
            [value("a", floats), value("b", floats)], [value("sum", floats)],
        )  # fmt: skip
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=9)
        (tmp_path / "two.onnx").write_bytes(model.SerializeToString())
        server = served(ONNXModelServer, model_path=str(tmp_path))
        assert outputs(server, [{"a": 1, "b": 2.5}, {"a": 0, "b": 1}]) == [[3.5], [1.0]]
        assert outputs(server, {"a": [1], "b": [1]}) == [[2.0]]
        assert "mappings by their names" in refusal(server, [[1, 2]])
        assert "have no b" in refusal(server, [{"a": 1}])

    def test_files_that_are_wrong(self, onnx_file: Path, tmp_path: Path) -> None:
        (tmp_path / "net.onnx").write_bytes(b"nothing")
        with pytest.raises(GraphError, match="no ONNX model"):
            served(ONNXModelServer, model_path=str(tmp_path))

    def test_tensors_reach_it(self, onnx_file: Path) -> None:
        server = served(ONNXModelServer, model_path=str(onnx_file))
        tensor = {"name": "X", "shape": [2, 2], "datatype": "FP32", "data": [1, 0, 0, 1]}
        (got,) = server.test("/v2/models/net/infer", body={"inputs": [tensor]})["outputs"]
        assert got["data"] == [1, 0] and got["datatype"] == "INT64"


@quiet
class TestKeras:
    def test_a_file(self, keras: Any, tmp_path: Path) -> None:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.layers[0].set_weights([numpy.asarray([[1.0], [2.0]]), numpy.asarray([0.5])])
        model.save(tmp_path / "net.keras")
        with pytest.raises(GraphError, match="could execute code"):
            served(TFKerasModelServer, model_path=str(tmp_path))
        server = served(TFKerasModelServer, model_path=str(tmp_path), trust=True)
        assert outputs(server, [[1, 1], [0, 2]]) == [[3.5], [4.5]]
        assert "must have 2 values" in refusal(server, [[1, 2, 3]])
        assert "not a number" in refusal(server, [["a", "b"]])


@quiet
class TestHuggingFace:
    def test_a_pipeline_from_a_folder(self, pipeline_folder: Path) -> None:
        server = served(HuggingFaceModelServer, model_path=str(pipeline_folder),
                        task="text-classification", device="cpu")  # fmt: skip
        first, second = outputs(server, ["good film", "bad"])
        assert first["label"] in ("neg", "pos") and 0 < second["score"] < 1
        (both,) = outputs(server, ["good"], parameters={"top_k": 2})
        assert {item["label"] for item in both} == {"neg", "pos"}
        assert outputs(server, []) == []
        assert "refused the inputs" in refusal(server, [5])
        got = server.test(body={"inputs": ["a"], "parameters": [1]}, silent=True, get_body=False)
        assert got.status_code == 400

    def test_classes_by_name(self, pipeline_folder: Path) -> None:
        server = served(
            HuggingFaceModelServer, model_name=str(pipeline_folder), task="text-classification",
            model_class="AutoModelForSequenceClassification", tokenizer_name=str(pipeline_folder),
            tokenizer_class="AutoTokenizer", framework="pt",
        )  # fmt: skip
        assert len(outputs(server, ["good"])) == 1
        with pytest.raises(GraphError, match="no class 'AutoNothing'"):
            served(
                HuggingFaceModelServer, model_name=str(pipeline_folder), model_class="AutoNothing"
            )
        with pytest.raises(GraphError, match="computes with PyTorch"):
            served(HuggingFaceModelServer, model_name=str(pipeline_folder), framework="tf")
        with pytest.raises(GraphError, match="no model to serve"):
            served(HuggingFaceModelServer)
