"""The command line: local, deploy, demo."""
