"""What `mlrun.serving` does in a way of its own.

standing.py   classes that stand for ours, with MLRun's arguments
states.py     TaskStep, RouterStep, QueueStep and flows made without a graph
events.py     MockEvent, MockTrigger, Response
server.py     GraphServer from a serving spec; the hooks of a Nuclio function
answers.py    errors in MLRun's form
models.py     Model, LLModel: what a ModelRunnerStep runs; providers.py language models
prompts.py    prompts filled for a body
runner_step.py  ModelRunnerStep; runner.py is what it becomes in a server
choosing.py   ChoiceByField, with MLRun's errors
remote.py     RemoteStep, BatchHttpRequests: documents in MLRun's form
v1.py         MLModelServer and new_v1_model_server
endpoints.py  what is allowed and reshaped by method and path; jsonpath.py the paths in bodies
admission.py  requests checked by them
helpers.py    StepToDict, is_event_like, names of headers
"""
