"""Composes: pipelines, cache, plan, runs; the decorators; the command line."""
