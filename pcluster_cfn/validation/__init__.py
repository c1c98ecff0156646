"""``validate``: checks clusters in templates by the provider's own rules, before a deployment."""
