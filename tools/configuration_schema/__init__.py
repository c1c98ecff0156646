"""The JSON Schema of a ParallelCluster configuration, made from the library's own schema classes."""
