"""CloudFormation templates: one reader, one evaluator, and a value for what is not known.

A static check, an embedded cloud and a report use the same code. What differs between them (parameters,
attributes, exports, what an error means) comes in through ``evaluation.Context``. This package imports
nothing of this project.
"""
