"""A template's parameters as fields of a form."""

from collections.abc import Mapping
from html import escape

from pcluster_cfn.launch.parameters import Declaration, Group

#: Shown where the browser cannot try the template's pattern.
_UNCHECKED = "CloudFormation checks the form of this value."
_TYPED = 'spellcheck="false" autocapitalize="off"'


def field_id(declaration: Declaration, declared: Mapping[str, Declaration]) -> str:
    """Returns the id of a parameter's control."""
    return f"parameter-{list(declared).index(declaration.name) + 1}"


def fieldset(group: Group, declared: Mapping[str, Declaration]) -> str:
    """Returns a group of parameters."""
    fields = "\n".join(
        _secret(declared[name])
        if declared[name].no_echo
        else _field(declared[name], field_id(declared[name], declared))
        for name in group.names
    )
    return f"<fieldset>\n<legend>{escape(group.label)}</legend>\n{fields}\n</fieldset>"


def _field(declaration: Declaration, identifier: str) -> str:
    said = _help(declaration)
    described = f"{identifier}-help {identifier}-error" if said else f"{identifier}-error"
    return (
        '<div class="field">\n'
        f'<div class="name"><label for="{identifier}">{escape(declaration.label)}</label>'
        f"{_name(declaration)}</div>\n"
        + _control(declaration, f'id="{identifier}" aria-describedby="{described}"')
        + (f'\n<p class="help" id="{identifier}-help">{escape(said)}</p>' if said else "")
        + (
            f'\n<p class="help" id="{identifier}-unchecked" hidden>{_UNCHECKED}</p>'
            if declaration.pattern
            else ""
        )
        + f'\n<p class="error" id="{identifier}-error" hidden></p>\n</div>'
    )


def _secret(declaration: Declaration) -> str:
    """Returns a secret parameter, without a control. Source: user guide, quick-create links, NoEcho."""
    said = _sentences(
        declaration.description,
        "You type it in the console, because it is secret and a link cannot contain it",
    )
    return (
        '<div class="field">\n'
        f'<div class="name"><span class="label">{escape(declaration.label)}</span>'
        f"{_name(declaration)}</div>\n"
        f'<p class="help">{escape(said)}</p>\n'
        "</div>"
    )


def _name(declaration: Declaration) -> str:
    """Returns the parameter's name, unless it is the label."""
    return "" if declaration.label == declaration.name else f"<code>{escape(declaration.name)}</code>"


def _control(declaration: Declaration, attributes: str) -> str:
    default = declaration.default or ""
    if declaration.allowed and not declaration.is_list:
        return f"<select {attributes}>\n{_options(declaration)}\n</select>"
    if "\n" in default:
        return f'<textarea {attributes} {_TYPED} rows="4">\n{escape(default)}</textarea>'
    numeric = ' inputmode="decimal"' if declaration.type == "Number" else ""
    return f'<input {attributes} {_TYPED}{numeric} value="{escape(default)}">'


def _options(declaration: Declaration) -> str:
    options = [] if declaration.default is not None else ['<option value="">Choose in the console</option>']
    options += [
        f'<option value="{escape(value)}"{" selected" if value == declaration.default else ""}>'
        f"{escape(value) or '(empty)'}</option>"
        for value in declaration.allowed
    ]
    return "\n".join(options)


def _help(declaration: Declaration) -> str:
    """Returns the description, and how to fill in the field."""
    said = [declaration.description]
    if declaration.is_list:
        said.append("Several values are separated by commas")
    if declaration.default is None and declaration.choice:
        chosen = "them" if declaration.is_list else f"{_article(declaration.choice)} {declaration.choice}"
        said.append(f"Leave empty to choose {chosen} in the console")
    elif declaration.default is None and not declaration.allowed:
        said.append("Leave empty to type it in the console")
    return _sentences(*said)


def _sentences(*said: str) -> str:
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in said if text)


def _article(noun: str) -> str:
    return "an" if noun[0].lower() in "aeiou" else "a"
