"""AWS on this machine: moto plus what it lacks, for real clients and the real ParallelCluster library."""
