"""Passes templates in tests, without AWS."""

from datetime import date

from pcluster_cfn.upgrade.reading import Reader
from pcluster_cfn.upgrade.template import pass_template
from pcluster_cfn.upgrade.translation import Target

TODAY = date(2026, 11, 30)


def passed(text, before="3.11.1", to="3.16.1", stack=None, deployed=None, **options):
    """The template, passed to a version; options are values of parameters, and ``system`` and ``name``."""
    target = Target(to, TODAY, options.pop("system", ""), options.pop("name", ""))
    return pass_template(text, "", Reader(options, before, stack, deployed or {}), target)


def said(result, *weights):
    """The remarks of the first cluster as path and sentence, those of some weights or all."""
    return [
        (each.path.removeprefix("ClusterConfiguration/"), each.what)
        for each in result.passages[0].sorted()
        if not weights or each.weight in weights
    ]


def fixes(result, *weights):
    """What the remarks of the first cluster say to do."""
    return [each.fix for each in result.passages[0].sorted() if each.weight in weights]


def changed_lines(result):
    """The lines that are gone and new, with their signs."""
    return [
        line
        for line in result.difference("")
        if line[:1] in {"+", "-"} and not line.startswith(("---", "+++"))
    ]
