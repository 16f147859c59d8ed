"""Three models vote; a candidate sees the same requests, and its answers are only compared.

python serving/ensemble/train.py
mlrun-like serve serving/ensemble/graph.py:graph

curl -d @request.json localhost:8080                                   the ensemble's answer
curl -d @request.json localhost:8080/v2/models/candidate/infer         the candidate's own
curl localhost:8080/v2/models/iris/metrics                             how often they differ
"""

from __future__ import annotations

from mlrun_like.serving import flow

_SERVER = "mlrun.frameworks.sklearn.SKLearnModelServer"

graph = flow()
_iris = graph.add_step("*ShadowRouter", "iris", main="ensemble", shadows=["candidate"])
_iris.respond()
_ensemble = _iris.add_route("ensemble", class_name="*VotingEnsemble", vote_type="classification")
for _name in ("linear", "neighbours", "tree"):
    _ensemble.add_route(_name, class_name=_SERVER, model_path=f"store://models/iris/{_name}")
_iris.add_route("candidate", class_name=_SERVER, model_path="store://models/iris/candidate")
