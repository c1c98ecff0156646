"""Deploys and deletes stacks, and shows how that goes."""
