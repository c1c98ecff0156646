"""A review shows what a change set would do: what may lose something first, then the rest, then numbers."""

from types import SimpleNamespace

from pcluster_cfn.deploy.changes import Change, list_changes, review


def change(action, logical_id, replacement=None, names=()):
    details = [{"Target": {"Attribute": "Properties", "Name": name}} for name in names]
    found = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": "T", "Details": details}
    return {
        "Type": "Resource",
        "ResourceChange": found | ({"Replacement": replacement} if replacement else {}),
    }


def listed(*pages):
    def paginate(ChangeSetName):  # noqa: N803
        assert ChangeSetName == "arn:change-set"
        return [{"Changes": page} for page in pages]

    cloudformation = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))
    return list_changes(cloudformation, "arn:change-set")


def test_changes_of_all_pages_are_listed_what_may_lose_something_first():
    changes = listed(
        [change("Add", "New"), change("Modify", "Same", "False", ["Size", "Size", "Tags"])],
        [
            change("Modify", "Table", "True", ["KeySchema"]),
            change("Remove", "Old"),
            change("Modify", "Perhaps", "Conditional", ["Name"]),
        ],
    )
    assert review(changes) == [
        "  ±  Table (T): KeySchema",
        "  -  Old (T)",
        "  ±? Perhaps (T): Name",
        "  ~  Same (T): Size, Tags",
        "  +  New (T)",
        "  1 replaced, 1 removed, 1 perhaps replaced, 1 changed, 1 added",
    ]


def test_a_change_of_an_attribute_names_it():
    (found,) = listed(
        [
            {
                "ResourceChange": {
                    "Action": "Modify",
                    "LogicalResourceId": "A",
                    "ResourceType": "T",
                    "Details": [{"Target": {"Attribute": "Tags"}}],
                }
            }
        ]
    )
    assert found == Change("change", "A", "T", ("Tags",))


def test_many_added_resources_are_counted_and_every_other_change_is_listed():
    changes = listed([change("Add", f"A{number}") for number in range(90)] + [change("Remove", "Old")])
    lines = review(changes)
    assert lines[0] == "  -  Old (T)"
    assert lines[-2:] == ["  … and 70 more that are added", "  1 removed, 90 added"]


def test_a_change_set_without_changes_of_resources_says_so():
    assert review(listed([])) == ["  tags and outputs only"]


def test_the_changes_in_a_nested_stack_stand_for_the_change_of_the_stack():
    def nesting(action, logical_id, inner):
        found = change(action, logical_id, "False" if action == "Modify" else None)
        found["ResourceChange"]["ChangeSetId"] = inner
        return found

    pages = {
        "arn:root": [nesting("Modify", "Inner", "arn:inner"), nesting("Add", "New", "arn:new")],
        "arn:inner": [change("Modify", "Table", "True", ["KeySchema"])],
        "arn:new": [change("Add", "Topic")],
    }
    paginator = SimpleNamespace(paginate=lambda ChangeSetName: [{"Changes": pages[ChangeSetName]}])  # noqa: N803
    changes = list_changes(SimpleNamespace(get_paginator=lambda _: paginator), "arn:root")
    assert [each.line() for each in changes] == [
        "  ±  Inner/Table (T): KeySchema",
        "  +  New (T)",
        "  +  New/Topic (T)",
    ]
