"""``plan``: what a deployment would do to clusters, before anything is changed."""
