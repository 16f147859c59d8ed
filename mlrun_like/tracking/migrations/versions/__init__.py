"""One module per schema version, named by its number; never changed once released."""
