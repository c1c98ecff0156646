"""For tests of what runs on the cloud: what an account holds, servers behind host names, waiting."""
