"""What feature sets and vectors are: their classes, their documents, and where those are kept.

value_types.py     ValueType; types of Arrow and pandas
fields.py          objects that are written as plain data; object_list.py: named ones in order
validators.py      what a feature's values must be; validator.py: the base; validators_limits.py,
                   value_checks.py: one value and columns alike; missing.py: None, NaN, NaT, NA
features.py        Entity and Feature
target_spec.py     targets as a definition asks for them, and as they were written
set_parts.py       spec and status of a feature set; metadata.py: name, project, tag
document.py        what feature sets and vectors share
feature_set.py     FeatureSet; set_targets.py: which targets; set_data.py: ingest, preview, read
aggregations.py    aggregations as steps of a set's graph
graphs.py          graphs in documents
relations.py       columns that hold entities of other sets
staleness.py       ttl: how long a value holds
feature_text.py    "[project/]set[:tag].feature [as alias]"
vector_parts.py    spec and status of a feature vector
feature_vector.py  FeatureVector
join_graph.py      JoinGraph: which sets are joined how
resolving.py       a vector with its sets: columns, keys, joins, all mistakes at once; resolved.py:
                   what comes out
schema.py          how a schema may change
saving.py          from objects to records and back
records.py         get, list, delete: getting.py, listing.py, deleting.py
paths.py           where targets are by default
run_config.py      RunConfig
data_item.py       sets and vectors as inputs of runs
"""
