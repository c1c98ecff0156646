"""Compares what the roles in template.yaml allow with the calls that are made."""
