"""Runs one step instance in a process of its own, and sees what it reads."""
