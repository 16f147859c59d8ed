"""Built-in steps of feature sets: each for events, for pandas and for Spark, with one answer.

base.py         MLRunStep and what steps know of their feature set
map_values.py   MapValues: values and ranges
encoding.py     OneHotEncoder
imputing.py     Imputer; running.py is what it learns
dates.py        DateExtractor
dropping.py     DropFeatures
validating.py   FeaturesetValidator

Steps that add columns (adding.py is their base):

text.py         TextFeatures: lower, upper, strip, length, words, hash
numbers.py      Ratio, Bucketise, ScaleValues (clip, log, minmax, standard)
times.py        TimeDifference, ToTimeZone
calculating.py  Calculate: expressions of columns

Inside:

columns.py      columns as Python values and back
spark.py        what the Spark forms share
"""

from __future__ import annotations

from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.steps.calculating import Calculate
from mlrun_like.feature_store.steps.dates import DateExtractor
from mlrun_like.feature_store.steps.dropping import DropFeatures
from mlrun_like.feature_store.steps.encoding import OneHotEncoder
from mlrun_like.feature_store.steps.imputing import Imputer
from mlrun_like.feature_store.steps.map_values import MapValues
from mlrun_like.feature_store.steps.numbers import Bucketise, Ratio, ScaleValues
from mlrun_like.feature_store.steps.text import TextFeatures
from mlrun_like.feature_store.steps.times import TimeDifference, ToTimeZone
from mlrun_like.feature_store.steps.validating import FeaturesetValidator
from mlrun_like.serving.steps.fields import SetEventMetadata
from mlrun_like.serving.steps.map_class import MapClass

__all__ = [
    "Bucketise",
    "Calculate",
    "DateExtractor",
    "DropFeatures",
    "FeaturesetValidator",
    "Imputer",
    "MLRunStep",
    "MapClass",
    "MapValues",
    "OneHotEncoder",
    "Ratio",
    "ScaleValues",
    "SetEventMetadata",
    "TextFeatures",
    "TimeDifference",
    "ToTimeZone",
]
