"""Writes templates: for a new cluster, and for one that exists."""
