"""What may run out: quotas, addresses and capacity of the account that clusters would be made in."""
