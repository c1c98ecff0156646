"""Many clusters at once, on the embedded cloud: ``make bench-scale``."""
