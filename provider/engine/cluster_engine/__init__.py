"""The engine function: one ParallelCluster version behind the contract of docs/reference/engine.md."""
