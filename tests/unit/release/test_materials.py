"""The bill of materials names what is inside of a release's files, and depends on nothing else."""

from tools.release.materials import Package, bill, packages

DIGESTS = {"provider-1.0.0.zip": "ab" * 32}
BOTO3 = Package("boto3", "1.44.5", "Apache-2.0")
CRHELPER = Package("crhelper", "2.0.12", licenses=("Apache Software License",))


def described(folder, name, *lines):
    info = folder / f"{name}.dist-info"
    info.mkdir()
    text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *lines])
    (info / "METADATA").write_text(text + "\n")


def test_packages_are_read_from_their_own_descriptions(tmp_path):
    described(tmp_path, "Expressed_Name", "License-Expression: MIT OR Apache-2.0")
    described(
        tmp_path, "two", "Classifier: License :: OSI Approved :: MIT License", "Classifier: License :: Other"
    )
    described(tmp_path, "plain", "License: BSD-3-Clause", "Classifier: License :: OSI Approved")
    described(tmp_path, "whole", "License: Permission is hereby granted", "        to everybody")
    assert packages(tmp_path) == [
        Package("expressed-name", "1.0", "MIT OR Apache-2.0"),
        Package("plain", "1.0", licenses=("BSD-3-Clause",)),
        Package("two", "1.0", licenses=("MIT License", "Other")),
        Package("whole", "1.0"),
    ]


def test_a_package_of_two_parts_is_one_component_that_names_both():
    document = bill("1.0.0", 0, {"provider": [BOTO3, CRHELPER], "layer": [BOTO3]}, DIGESTS)
    file, boto3, crhelper = document["components"]
    assert file["hashes"] == [{"alg": "SHA-256", "content": DIGESTS["provider-1.0.0.zip"]}]
    assert [each["value"] for each in boto3["properties"]] == ["provider", "layer"]
    assert boto3["licenses"] == [{"expression": "Apache-2.0"}]
    assert crhelper["licenses"] == [{"license": {"name": "Apache Software License"}}]
    (product, *_) = document["dependencies"]
    assert product["dependsOn"] == ["pkg:pypi/boto3@1.44.5", "pkg:pypi/crhelper@2.0.12"]


def test_the_number_and_the_time_of_a_bill_come_from_what_it_is_about():
    first, again = (bill("1.0.0", 86_400, {"provider": [BOTO3]}, DIGESTS) for _ in range(2))
    other = bill("1.0.0", 86_400, {"provider": [BOTO3]}, {"provider-1.0.0.zip": "cd" * 32})
    assert first == again
    assert first["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"
    assert first["serialNumber"] != other["serialNumber"]
