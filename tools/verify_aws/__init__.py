"""Runs the scenarios on an AWS account and compares them with the embedded cloud: ``make verify-aws``."""
