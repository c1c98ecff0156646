"""Builds what is deployed: both functions and the layer, for Lambda's platform, without Docker.

``sam build`` runs it with whatever ``python3`` there is. So the parts need uv and the standard library, but
no package of the project's environment.
"""
