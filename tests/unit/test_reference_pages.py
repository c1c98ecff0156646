"""The pages of docs/reference that are made from the code are current, and nothing is missing in them."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from pcluster_cfn.validation.resource_check import schemas
from tools.reference_pages.pages import WORDS, WordsError, pages


@pytest.fixture
def words(tmp_path):
    """A copy of the sentences, to be changed by the test."""
    for path in WORDS.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def change(path, edit):
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("path", "text"), list(pages()), ids=lambda value: value.name if isinstance(value, Path) else ""
)
def test_a_committed_page_is_what_make_reference_writes(path, text):
    assert path.read_text(encoding="utf-8") == text, "run make reference"


def test_a_property_without_a_sentence_is_an_error(words):
    change(
        words / "resources.yaml", lambda types: types["Custom::PclusterImage"]["properties"].pop("ImageId")
    )
    with pytest.raises(WordsError, match=r"properties of Custom::PclusterImage: .* ImageId"):
        list(pages(words))


def test_an_attribute_that_is_gone_is_an_error(words):
    added = {"names": ["amiColour"], "text": "Its colour."}
    change(words / "resources.yaml", lambda types: types["Custom::PclusterImage"]["attributes"].append(added))
    with pytest.raises(WordsError, match=r"attributes of Custom::PclusterImage: .* amiColour"):
        list(pages(words))


def test_an_error_code_without_a_sentence_is_an_error(words):
    change(words / "errors.yaml", lambda errors: errors.pop("NotOwner"))
    with pytest.raises(WordsError, match=r"error codes: .* NotOwner"):
        list(pages(words))


def test_a_required_property_with_a_default_is_an_error(words):
    def edit(types):
        types["Custom::PclusterCluster"]["properties"]["ClusterConfiguration"]["default"] = "hpc"

    change(words / "resources.yaml", edit)
    with pytest.raises(
        WordsError, match="ClusterConfiguration: a property is either required or has a default"
    ):
        list(pages(words))


def test_an_example_that_is_gone_is_an_error(words):
    def edit(types):
        types["Custom::PclusterCluster"]["example"]["resource"] = "Nowhere"

    change(words / "resources.yaml", edit)
    with pytest.raises(WordsError, match="no resource Nowhere"):
        list(pages(words))


def test_a_page_has_a_heading_for_every_property_and_links_every_code_to_its_explanation():
    made = {path.stem: text for path, text in pages()}
    for schema in schemas().values():
        page = next(text for text in made.values() if f"# `{schema['title']}`" in text)
        assert set(re.findall(r"^### `(\w+)`$", page, re.MULTILINE)) == set(schema["properties"])
    linked = {anchor for text in made.values() for anchor in re.findall(r"errors\.md#(\w+)", text)}
    assert linked == {code.lower() for code in re.findall(r"^## `(\w+)`$", made["errors"], re.MULTILINE)}
