"""One HTML file for a template: a form of its parameters that makes a quick-create link."""
