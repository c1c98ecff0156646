"""The schemas in ``schemas``: for editors and ``pcluster-cfn validate``, made from those that run."""
