"""``pcluster-cfn advise``: what is known of the releases that clusters use."""
