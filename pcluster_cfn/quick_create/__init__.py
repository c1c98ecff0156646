"""Links that open CloudFormation's console with a template, a stack name and parameters filled in."""
