"""Applications that come with the platform; each has defaults that need no tuning to start with.

histogram_data_drift.py  HistogramDataDriftApplication: MLRun's numbers, thresholds and artifacts
data_drift.py            DataDrift: all columns against training, thresholds aware of sample size
prediction_drift.py      PredictionDrift: the same for what the model answers
categories.py            Categories: new, missing and rare values
outliers.py              Outliers: values that training hardly had
performance.py           ServicePerformance: latency, errors, throughput
quality.py               ModelQuality: accuracy and errors by late ground truth
business.py              BusinessMetric: an expression over a window's columns
formula.py               such expressions, compiled and refused without `eval`
llm.py                   LLMAnswers: length, refusals, toxicity by a pluggable judge
evidently.py             EvidentlyModelMonitoringApplicationBase (extra: evidently)
nannyml.py               NannyMLDriftApplication (extra: nannyml)
judging.py               from a number and two thresholds to a status
"""
