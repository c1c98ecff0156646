"""``publish``: uploads the provider's stacks, in versions that never change, for others to nest or launch."""
