"""The command line: words to a call of `workflows.api` or the store, its answer to text, its errors to exit codes."""
