"""Mutation testing: changes the code under test a little, and reports what no test notices."""
