"""What the roles in template.yaml allow, judged by what was asked of AWS."""
