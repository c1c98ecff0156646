"""Adds the reader of templates, a package beside this project, to the wheel."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TemplateReader(BuildHookInterface):
    """Adds a copy, except to an editable install: the repository's own editable install has the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See ``BuildHookInterface``."""
        if version != "editable":
            build_data["force_include"]["../cfn_template"] = "cfn_template"
