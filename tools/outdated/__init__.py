"""Lists the deployed packages, their age, and newer versions."""
