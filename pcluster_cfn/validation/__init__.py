"""Checks clusters in templates by the provider's own rules, before anything is deployed."""
