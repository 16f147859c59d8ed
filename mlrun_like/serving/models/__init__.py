"""Model servers and routers: what answers with predictions, and what chooses who does.

A model server is a step in a flow or a route of a router, and answers the same paths in both.

server.py       V2ModelServer, the base: load, predict, explain, op_<name>
answering.py    how it answers an event, from the path to the answer's form
custom.py       what a subclass changes
address.py      what a URL path addresses: model, version, operation
informing.py    metadata, readiness and numbers of a model
dialects.py     forms in which requests travel: MLRun's, V1; below, tensors and SageMaker
tensors.py      tensors of the Open Inference Protocol
binary.py       the same with binary data
sagemaker.py    /invocations: JSON of several forms, CSV
schema.py       rows by column name in the model's order
loading.py      loading now or in the background
warming.py      predictions before the first request
pace.py         how long calls take: in the event loop or in a thread
batches.py      micro-batching of predictions
counting.py     requests and times of a model
tracking.py     the tracking stream; pushing.py writes to it in the background
streamed.py     answers that stream, as records have them
moment.py       the present moment as text
work.py         one description of work for plain callers and event loops
definition.py   objects as definitions of steps

routing.py      what all routers share; calling.py calls routes
router.py       ModelRouter: each request to one model
parallel.py     ParallelRun: all routes at once; parallel_options.py checks its arguments
daemons.py      threads for calls that may never return
processes.py    routes in processes of their own; worker.py is what runs there
voting.py       VotingEnsemble; ballots.py counts votes
splitting.py    TrafficSplit: a share of the traffic each; shares.py chooses
weights.py      weights of routes
enrichment.py   EnrichmentModelRouter, EnrichmentVotingEnsemble: entities in, features to models
shadowing.py    ShadowRouter: copies of the traffic for models that do not answer

function.py     FunctionModelServer: a plain function as a model
framework.py    the base of servers for one framework; columns.py makes tables of rows
sklearn.py, xgboost.py, lightgbm.py, pytorch.py, onnx.py, mlflow.py, huggingface.py, tf_keras.py
"""

from __future__ import annotations

from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["V2ModelServer"]
