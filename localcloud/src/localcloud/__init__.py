"""AWS on this machine: moto with CloudFormation, Lambda and time that work as on AWS."""
