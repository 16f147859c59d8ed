"""Of `mlrun.datastore`:

stores.py          StoreManager and the stores behind it
s3.py              S3Store, for programs that use boto3 through it
memory.py          InMemoryStore; what this process holds
uris.py            store:// URIs and what is there; ResourceCache
filters.py         rows and columns of frames, additional_filters
urls.py            URLs of Kafka, S3 and others
profile_texts.py   datastore profiles as JSON
storey_targets.py  targets of flows that know ds:// URLs
defaults.py        default targets of feature sets
"""
