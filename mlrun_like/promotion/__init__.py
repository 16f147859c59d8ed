"""Which version of a model serves: a registry, gates that decide, the way back, batch inference.

registry.py    versions, aliases, stages and the audit trail of logged models; actor.py: who moves
stages.py      which stage may follow which
promote.py     promote: gates, then alias and stage at once; report.py is what is kept of it
canary.py      which share of a serving graph's traffic a version gets
following.py   a served model that is always the version that holds an alias
rollback.py    rollback: the version that held the alias before
gates.py       what a gate is, and gates of metrics; parsing.py reads them from text and dicts
comparing.py   better than the model that holds the alias; comparison.py tells how sure that is
slices.py      minimums of parts of a test set; worst_slice.py finds the parts by itself
slice_metrics.py  what measures parts of a test set
fairness.py    differences between groups; fairness_gate.py holds limits against them
behaviour.py   latency and smoke tests
scores.py      metrics of predictions
predicting.py  any framework's model as a function of a table
case.py        what gates look at: model, metrics, test set, predictions
steps.py       promote_model and rollback_model, for pipelines
inference.py   infer: a model over a data set of any size
tables.py      data sets as chunks of rows
drift.py       how far a data set is from the training set; drift_page.py draws it
"""
