"""The decorators and what a pipeline function may call: calls become a graph."""
