"""Batch pipelines: trace a Python function into a plan, check it as a whole, run it.

refs.py        what is not known before the run: parameters, outputs, and conditions on them
plan.py        Plan and Step: immutable, printable as text and Mermaid
check.py       every mistake of a plan at once, before the first step
tracing.py     how calls of functions become steps; handles, when(), otherwise()
pipeline.py    @pipeline
engine.py      LocalEngine: steps in threads as soon as what they need is there
run.py         PipelineRun: what happened, step by step
"""
