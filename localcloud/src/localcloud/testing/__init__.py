"""For tests that use the cloud: an account's inventory, servers behind host names, waiting."""
