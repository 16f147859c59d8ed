"""XGBoostModelServer and LGBMModelServer on files and pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from mlrun_like.errors import GraphError
from mlrun_like.functions.decorators import function
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models.lightgbm import LGBMModelServer
from mlrun_like.serving.models.xgboost import XGBoostModelServer
from mlrun_like.serving.server import GraphServer

pandas = pytest.importorskip("pandas")
ROWS = numpy.asarray([[n % 7, n % 5] for n in range(80)], dtype=float)
LABELS = (ROWS[:, 0] > 3).astype(int)
NAMED = pandas.DataFrame(ROWS, columns=["a", "b"])


def served(cls: type, **values: Any) -> GraphServer:
    graph = flow()
    graph.to(cls, "net", **values).respond()
    return graph.to_mock_server()


def outputs(server: GraphServer, inputs: Any) -> Any:
    return server.test(body={"inputs": inputs})["outputs"]


def refusal(server: GraphServer, inputs: Any) -> str:
    got = server.test(body={"inputs": inputs}, silent=True, get_body=False)
    assert got.status_code == 400
    return str(got.body["error"])


class TestXGBoost:
    @pytest.fixture
    def xgboost(self) -> Any:
        return pytest.importorskip("xgboost", reason="xgboost is not installed")

    @pytest.mark.parametrize("suffix", ["json", "ubj"])
    def test_files_of_its_own(self, xgboost: Any, tmp_path: Path, suffix: str) -> None:
        model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(NAMED, LABELS)
        path = tmp_path / f"net.{suffix}"
        model.save_model(path)
        server = served(XGBoostModelServer, model_path=str(path))
        assert outputs(server, [[6, 1], [0, 1]]) == [1, 0]
        assert outputs(server, [{"b": 1, "a": 6}]) == [1]
        assert outputs(server, [{"b": 1, "a": None}]) in ([0], [1])
        assert "have no b" in refusal(server, [{"a": 1}])
        assert "must have 2 values" in refusal(server, [[1, 2, 3]])
        (shares,) = outputs(served(XGBoostModelServer, model_path=str(path),
                                   method="predict_proba"), [[6, 1]])  # fmt: skip
        assert shares[1] > 0.5
        (score,) = outputs(served(XGBoostModelServer, model_path=str(path),
                                  model_class="booster"), [[6, 1]])  # fmt: skip
        assert score == pytest.approx(shares[1])

    def test_regressors_and_boosters(self, xgboost: Any, tmp_path: Path) -> None:
        data = xgboost.DMatrix(ROWS, ROWS[:, 0])
        booster = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, 20)
        booster.save_model(tmp_path / "net.json")
        server = served(XGBoostModelServer, model_path=str(tmp_path))
        assert outputs(server, [[6, 1]])[0] == pytest.approx(6, abs=0.3)
        with pytest.raises(GraphError, match="cannot 'predict_proba'"):
            served(XGBoostModelServer, model_path=str(tmp_path), method="predict_proba")

    def test_files_that_are_wrong(self, xgboost: Any, tmp_path: Path) -> None:
        path = tmp_path / "net.json"
        path.write_text("{}")
        with pytest.raises(GraphError, match="no XGBoost model"):
            served(XGBoostModelServer, model_path=str(path))
        with pytest.raises(GraphError, match="model_class 'tree'"):
            served(XGBoostModelServer, model_path=str(path), model_class="tree")

    def test_a_logged_pickle(self, xgboost: Any) -> None:
        def train(context: Any) -> None:
            model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(NAMED, LABELS)
            context.log_model("net", body=model, model_file="net.pkl", inputs=["a", "b"])

        run = function(name="train")(train).run(watch=False)
        server = served(XGBoostModelServer, model_path=run.outputs["net"])
        assert outputs(server, [[6, 1]]) == [1]


class TestLightGBM:
    @pytest.fixture
    def lightgbm(self) -> Any:
        return pytest.importorskip("lightgbm", reason="lightgbm is not installed")

    def classifier(self, lightgbm: Any, rows: Any = NAMED) -> Any:
        made = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=1, n_jobs=1, verbose=-1)
        return made.fit(rows, LABELS)

    def test_files_of_its_own(self, lightgbm: Any, tmp_path: Path) -> None:
        path = tmp_path / "net.txt"
        self.classifier(lightgbm).booster_.save_model(path)
        server = served(LGBMModelServer, model_path=str(tmp_path))
        (share,) = outputs(server, [[6, 1]])
        assert 0.5 < share < 1
        assert outputs(server, [{"b": 1, "a": 6}]) == [share]
        assert "have no b" in refusal(server, [{"a": 1}])
        assert "must have 2 values" in refusal(server, [[1]])
        labels = served(LGBMModelServer, model_path=str(path), labels=True)
        assert outputs(labels, [[6, 1], [0, 0]]) == [1, 0]

    def test_objects_with_and_without_names(self, lightgbm: Any) -> None:
        server = served(LGBMModelServer, model=self.classifier(lightgbm))
        assert outputs(server, [[6, 1], [0, 0]]) == [1, 0]
        assert outputs(server, [{"b": 1, "a": 6}]) == [1]
        bare = served(LGBMModelServer, model=self.classifier(lightgbm, ROWS))
        assert outputs(bare, [[6, 1]]) == [1]

    def test_files_that_are_wrong(self, lightgbm: Any, tmp_path: Path) -> None:
        path = tmp_path / "net.txt"
        path.write_text("nothing")
        with pytest.raises(GraphError, match="no LightGBM model"):
            served(LGBMModelServer, model_path=str(path))
