"""CloudFormation templates: one reader, one evaluator, and a value for what is not known.

A static check, an embedded cloud and a report use the same code. They differ in what they supply through
``functions.Context``: parameters, attributes, exports, and how errors are handled. This package imports
nothing of this project.
"""
