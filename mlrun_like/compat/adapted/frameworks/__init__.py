"""What `mlrun.mlutils` had: helpers of classifiers that MLRun removed and its hub still needs.

tables.py       samples, splits and held out rows
estimators.py   a model from its class's name, with its arguments
charts.py       charts of a classifier
evaluation.py   numbers and charts of a classifier, logged in a run
"""
