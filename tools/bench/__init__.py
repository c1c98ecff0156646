"""Measures what is deployed, in processes of its own, against the embedded cloud: ``make bench``."""
