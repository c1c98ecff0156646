"""Pages of ``docs/reference`` made from the code: each resource, the errors, the provider stack."""
