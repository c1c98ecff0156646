"""A CloudFormation Lambda Hook that plans the clusters of a change set or a stack before it goes on."""
