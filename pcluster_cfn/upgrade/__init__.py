"""``upgrade``: a template for the next ParallelCluster version, and what its users must know before."""
