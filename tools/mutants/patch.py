"""Puts a mutant in the place of a module: before it is imported, or afterwards, function by function."""

import importlib.util
import inspect
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any


class _MutantLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.get_filename(fullname), "exec")


class ImportedInstead(MetaPathFinder):
    """Imports a text in place of a module that was not imported yet.

    Args:
        name: The module's name.
        path: The module's file.
        text: What is imported.
    """

    def __init__(self, name: str, path: str, text: str) -> None:
        self._name = name
        self._path = path
        self._text = text

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the signature of finders
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The text's own loader for the one module; others are found as always."""
        if fullname != self._name:
            return None
        loader = _MutantLoader(self._name, self._path, self._text)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def replace_function(module: str, qualified_name: str, text: str, path: str) -> None:
    """Gives a function of an imported module the code that it has in another text of that module.

    Whoever imported the function runs the new code: the function stays the same object.

    Args:
        module: The module's name.
        qualified_name: The function's, or the method's.
        text: The other text of the module.
        path: The module's file, which tracebacks name.

    Raises:
        LookupError: There is no such function, or it is hidden by a decorator.
    """
    function = _function(sys.modules[module], qualified_name.split("."))
    codes = [code for code in _codes(compile(text, path, "exec")) if code.co_qualname == qualified_name]
    matching = [code for code in codes if code.co_firstlineno == function.__code__.co_firstlineno]
    if len(matching) != 1:
        raise LookupError(f"{module}: {qualified_name} has {len(matching)} definitions in its place")
    # A method that calls ``super()`` has a free variable, also where the call is left out.
    function.__code__ = matching[0].replace(co_freevars=function.__code__.co_freevars)


def _function(module: ModuleType, names: Sequence[str]) -> FunctionType:
    found: Any = module
    for name in names:
        found = vars(found)[name]
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    elif isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if hasattr(found, "cache_clear"):
        found.cache_clear()
    found = inspect.unwrap(found)
    if not isinstance(found, FunctionType):
        raise LookupError(f"{module.__name__}: {'.'.join(names)} is no plain function")
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)
