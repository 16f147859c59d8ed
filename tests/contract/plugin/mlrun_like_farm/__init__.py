"""A runtime for a remote engine, as a third party would write it.

runtime   FarmRuntime: submits, follows, stops
engine    the engine itself, a small server; normally somebody else's product
"""
