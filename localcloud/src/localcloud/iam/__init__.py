"""IAM: one evaluator of policies, the requests that it decides on, and the judge of this cloud."""
