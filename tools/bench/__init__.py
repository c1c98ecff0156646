"""Measures the deployed functions in new processes, against the embedded cloud: ``make bench``."""
