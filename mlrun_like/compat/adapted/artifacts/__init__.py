"""Of `mlrun.artifacts`:

chart.py     ChartArtifact, which MLRun removed and its hub still logs
manager.py   ArtifactManager and ArtifactProducer: the producer is told at each call
records.py   functions of records, their URIs and paths
tables.py    limits and functions of data sets
loader.py    MLRunLoader, for LangChain
"""
