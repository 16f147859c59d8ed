"""Of `mlrun.feature_store`, `mlrun.data_types` and `mlrun.features`:

types.py    value types of other packages' types; validators of types
infer.py    schema, statistics and preview of a frame
names.py    texts of features, URIs of feature sets
dates.py    DateExtractor with numbers as nanoseconds
mapping.py  MapValues that judges its mapping late
parts.py    FeatureAggregation and other small parts
jobs.py     `ingest` with a context first, ingestion jobs
"""
