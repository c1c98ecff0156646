"""Reports the Lambda runtimes in the templates that each engine's library synthesises."""
