"""What clusters cost: pure arithmetic on a configuration and prices, and where the prices come from."""
