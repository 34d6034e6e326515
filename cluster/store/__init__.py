"""The store: content-addressed objects, cache entries, run records and refs, on a folder."""
