"""Ways to launch a template from a link or a web page: ``quick-create`` and ``launch-page``."""
