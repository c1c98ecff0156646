"""Builds what is deployed: both functions and the layer, for Lambda's platform, without Docker.

Standard library only, because ``sam build`` runs it with whatever ``python3`` there is.
"""
