"""Running a pipeline on this machine: observe, decide, act, record."""
