"""AWS on this machine: moto with CloudFormation, Lambda and time that work as on AWS."""

from importlib import metadata


def version() -> str:
    """Returns the installed version; ``(not installed)`` where it runs from a folder of sources."""
    try:
        return metadata.version("pcluster-localcloud")
    except metadata.PackageNotFoundError:
        return "(not installed)"
