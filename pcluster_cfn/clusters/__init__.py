"""Everyday commands for clusters: what there is, how it is, what happened, and the way in."""
