"""AWS on this machine: moto plus what it lacks, driven by real clients, running the real ParallelCluster library."""
