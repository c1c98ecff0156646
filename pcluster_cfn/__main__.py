"""Runs the command as ``python -m pcluster_cfn``."""

from pcluster_cfn.cli import main

main()
