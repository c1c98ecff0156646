"""Branches of every ``Fn::If`` whose condition is unknown, and the conditions under which a result holds.

A piece of a template is checked once with such an ``Fn::If`` as an unknown value, and once more for each
branch as if it were taken. A result of both branches always holds. Any other holds only in its branch.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cfn_template.texts import EvaluationError
from cfn_template.values import Unknown
from pcluster_cfn.validation.partial_template import PartialTemplate

#: Number of branches that are checked of one resource. Each takes as much time as the resource itself.
BRANCHES_MAX = 16

#: Conditions with the values that a branch needs.
Assumption = frozenset[tuple[str, bool]]
AS_IT_STANDS: Assumption = frozenset()
Item = TypeVar("Item")


@dataclass
class Branches:
    """The branches of a piece of a template, each as a template in which it is taken.

    Args:
        templates: The template under each assumption; ``AS_IT_STANDS`` is the first.
        splits: The pairs of assumptions that add one more condition to an assumption, as true and as false.
        is_complete: False if there are more than ``BRANCHES_MAX`` branches.
    """

    templates: dict[Assumption, PartialTemplate]
    splits: dict[Assumption, list[tuple[Assumption, Assumption]]] = field(default_factory=dict)
    is_complete: bool = True

    def is_last(self, assumption: Assumption) -> bool:
        """Whether every condition in the branch is decided under an assumption."""
        return not self.splits.get(assumption)

    def conditions_of(
        self, found: Mapping[Assumption, set[Item]], only_if: Callable[[Item, str], Item]
    ) -> list[Item]:
        """Returns all results, each with the conditions under which it holds.

        Args:
            found: The results under each assumption of ``templates``.
            only_if: Adds words such as ``condition IsLarge is true`` to a result.
        """
        items = dict.fromkeys(item for each in found.values() for item in each)
        return [
            only_if(item, _in_words(assumption)) if assumption else item
            for item in items
            for assumption in self._where(item, found, AS_IT_STANDS)
        ]

    def _where(self, item: Item, found: Mapping[Assumption, set[Item]], at: Assumption) -> list[Assumption]:
        """Returns the weakest assumptions under which a result holds, starting from a given one."""
        splits = self.splits.get(at, [])
        if item in found[at]:
            for if_true, if_false in splits:
                kept = [each for each in (if_true, if_false) if item in found[each]]
                if len(kept) < 2:  # noqa: PLR2004 - only one branch has it, or none
                    return [where for each in kept for where in self._where(item, found, each)]
            return [at]
        holds: list[Assumption] = []
        for if_true, if_false in splits:
            inside = [self._where(item, found, each) for each in (if_true, if_false)]
            if inside == [[if_true], [if_false]]:
                return [at]
            holds += [where for each in inside for where in each if where not in holds]
        return holds


def find_branches(template: PartialTemplate, node: Any) -> Branches:
    """Returns the branches in a piece of a template whose condition is unknown."""
    branches = Branches({AS_IT_STANDS: template})
    waiting = deque([(AS_IT_STANDS, node)])
    while waiting:
        at, piece = waiting.popleft()
        for name, if_true, if_false in _open_choices(branches.templates[at], piece):
            pair = (at | {(name, True)}, at | {(name, False)})
            if pair not in branches.splits.setdefault(at, []):
                if len(branches.templates) > BRANCHES_MAX:
                    branches.is_complete = False
                    return branches
                branches.splits[at].append(pair)
                branches.templates |= {each: template.assuming(dict(each)) for each in pair}
            waiting += zip(pair, (if_true, if_false), strict=True)
    return branches


def _open_choices(template: PartialTemplate, node: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yields each outermost ``Fn::If`` with an unknown condition: the condition and both branches."""
    if isinstance(node, list):
        for item in node:
            yield from _open_choices(template, item)
        return
    if not isinstance(node, dict):
        return
    match node:
        case {"Fn::If": [str(name), if_true, if_false]} if len(node) == 1:
            try:
                held = template.evaluator.holds(name)
            except EvaluationError:
                return  # the condition does not exist: CloudFormation refuses the template
            if isinstance(held, Unknown):
                yield str(name), if_true, if_false
            else:
                yield from _open_choices(template, if_true if held else if_false)
        case _:
            for item in node.values():
                yield from _open_choices(template, item)


def _in_words(assumption: Assumption) -> str:
    return " and ".join(f"condition {name} is {str(value).lower()}" for name, value in sorted(assumption))
