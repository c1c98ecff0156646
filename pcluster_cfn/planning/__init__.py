"""What a request would do to a cluster: pure, and importable without the command's own packages."""
