"""Who fills in the page gets the link that the command makes, and is told beside the field what is wrong."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from pcluster_cfn.cli import main
from pcluster_cfn.launch.parameters import declarations
from pcluster_cfn.template import Template
from tests.browser.conftest import PICTURES, URL
from tests.support.links import read_link

HOSTILE = Path("tests/browser/hostile.yaml")
SIMPLE = Path("examples/simple-cluster.yaml")
TEMPLATES = [HOSTILE, Path("template.yaml"), Path("engine.yaml"), *sorted(Path("examples").glob("**/*.yaml"))]
SUBNET = "subnet-0123456789abcdef0"
AWKWARD = "a&b=c#d+e%20f?g/h \"'<>()[]{}|\\^`~!*;:@,ü漢🚀\u2028"
VALUES = [
    AWKWARD, "8", "5", "1.5", "hpc", "/hpc/", "10.1.0.0/16", SUBNET, "vpc-0123456789abcdef0", "us-east-1a",
    "arn:aws:sns:us-east-1:123456789012:alarms", "arn:aws:iam::aws:policy/ReadOnlyAccess",
]  # fmt: skip

TEXTS = [
    *VALUES, "", " ", "a", "ab", "abc", "xyz", "a.b", "ab.12", "ab.\u0661", "_a", "ä", "ab\n", "a" * 21,
    "🚀" * 41, "é" * 2049, "ab,abc", "ab, cde , fg", "ab,,", "-1.5", "-1.6", "1000", "1e3", "1000.01", "+5",
    ".5", "5.", "0x10", "1_000", "NaN", "Infinity", "1, 2.5 ,3", "1,0", "small", "slurm", "Slurm", "key (1)",
    "\x7f", "i-01234567", f"{SUBNET},{SUBNET}", "/a/b:3", "a b", "us-east-1", "us-west-2-lax-1a", "\ud800",
    "\t", "\u00a0ab", "\u2028",
]  # fmt: skip


def templates_with_parameters():
    templates = [path for path in TEMPLATES if "\nResources:" in path.read_text()]  # and no pipelines
    return [path for path in templates if declarations(Template.read(path))]


def another_value(declaration):
    """A value that the declaration allows and that is not the default."""
    candidates = [*reversed(declaration.allowed), *VALUES]
    return next(
        (text for text in candidates if text != declaration.default and declaration.fault(text) is None), None
    )


def control(page, label):
    return page.get_by_label(label, exact=True)


def fill(page, label, value):
    field = control(page, label)
    if field.evaluate("field => field.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(value)


def link(page):
    return page.locator("#link").input_value()


def command_s_link(template, parameters, *arguments, url=URL):
    given = [part for name, value in parameters.items() for part in ("-p", f"{name}={value}")]
    command = [
        "quick-create",
        "--template-url",
        url,
        "--template",
        str(template),
        *given,
        *arguments,
        "--json",
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["links"][0]["url"]


@pytest.mark.parametrize("template", templates_with_parameters(), ids=str)
def test_a_filled_in_page_has_the_command_s_link(visit, template):
    declared = declarations(Template.read(template))
    values = {name: another_value(item) for name, item in declared.items() if not item.no_echo}
    values = {name: value for name, value in values.items() if value is not None}
    page = visit(template)
    for name, value in values.items():
        fill(page, declared[name].label, value)
    fill(page, "Stack name", "hpc-1")
    assert values
    assert link(page) == command_s_link(template, values, "--stack-name", "hpc-1")
    assert page.locator("#launch").get_attribute("href") == link(page)


def test_a_page_that_is_left_as_it_was_says_nothing_of_parameters(visit):
    page = visit(HOSTILE)
    assert link(page) == command_s_link(HOSTILE, {}, "--stack-name", "hostile")
    fill(page, "Stack name", "")
    assert link(page) == command_s_link(HOSTILE, {})


def test_what_is_wrong_is_reported_beside_the_field_until_it_is_right(visit):
    page = visit(SIMPLE)
    count, launch = control(page, "Largest number of compute nodes"), page.locator("#launch")
    count.fill("0")
    count.press("Tab")
    assert page.locator("p.error:visible").all_inner_texts() == ["Must be at least 1."]
    assert count.get_attribute("aria-invalid") == "true"
    described = count.get_attribute("aria-describedby").split()
    assert "Must be at least 1." in [page.locator(f"#{one}").inner_text() for one in described]
    assert page.locator("#state").inner_text() == "1 value needs correcting before there is a link:"
    assert page.get_by_role("status").first.get_by_role("link").all_inner_texts() == [
        "Largest number of compute nodes"
    ]
    assert launch.get_attribute("aria-disabled") == "true"
    assert launch.get_attribute("href") is None
    assert page.get_by_role("button", name="Copy link").is_disabled()
    count.fill("8")
    assert page.locator("p.error:visible").count() == 0
    assert count.get_attribute("aria-invalid") is None
    assert launch.get_attribute("aria-disabled") == "false"
    assert link(page) == command_s_link(SIMPLE, {"MaxCount": "8"}, "--stack-name", "simple-cluster")


def test_a_value_is_not_called_wrong_while_it_is_typed_for_the_first_time(visit):
    page = visit(SIMPLE)
    control(page, "Subnet of the head node").press_sequentially("subnet-1")
    assert page.locator("p.error:visible").count() == 0
    assert page.locator("#launch").get_attribute("aria-disabled") == "true"


def test_text_that_no_link_can_carry_is_wrong_too(visit):
    page = visit(SIMPLE)
    control(page, "Key pair").evaluate("field => { field.value = '\\ud800'; }")
    control(page, "Key pair").dispatch_event("change")
    assert page.locator("p.error:visible").all_inner_texts() == ["Must be text, in UTF-8."]
    assert page.locator("#launch").get_attribute("aria-disabled") == "true"


def test_a_launch_too_early_leads_to_the_first_mistake(visit):
    page = visit(SIMPLE)
    fill(page, "Stack name", "1hpc")
    fill(page, "Key pair", "ü")
    page.locator("#launch").click(force=True)  # what is disabled is still there to be clicked
    assert page.locator("#stack-name").evaluate("field => field === document.activeElement")
    assert page.locator("p.error:visible").count() == 2
    page.get_by_role("status").first.get_by_role("link", name="Key pair").click()
    assert control(page, "Key pair").evaluate("field => field === document.activeElement")


def test_the_page_and_the_command_say_the_same_of_every_value(visit):
    declared = declarations(Template.read(HOSTILE))
    page = visit(HOSTILE)
    faults = page.evaluate(
        "texts => fields.slice(1).map(field => [field.name, texts.map(text => faultOf(field, text))])", TEXTS
    )
    assert len(faults) == len(declared) - 1
    left = page.locator(".help:visible", has_text="CloudFormation checks the form of this value.")
    assert left.count() == 2
    for name in ("Odd", "Slow"):
        (described, *_) = control(page, name).get_attribute("aria-describedby").split()
        assert page.locator(f"#{described}").inner_text() == "CloudFormation checks the form of this value."
    for name, said in faults:
        if name in {"Odd", "Slow"}:  # patterns that no browser is trusted with
            assert set(said) == {""} | {fault for fault in said if "bytes" in fault or "text" in fault}
            continue
        assert list(zip(TEXTS, said, strict=True)) == [
            (text, declared[name].fault(text) or "") for text in TEXTS
        ]


@pytest.mark.parametrize(
    ("is_tried", "patterns"),
    [
        (
            True,
            [
                "^([a-zA-Z][a-zA-Z0-9-]{1,59})?$", "^/((?!parallelcluster/)[!-~]+/)?$",
                "([0-9]{1,3}\\.){3}[0-9]+",
                "^(Allow|Forbid|[^=]{1,128}=.{0,256})$", "[(a+)+]", "\\(a+\\)+", "\\_\\@[\\-]",
                "\\p{L}+", "(?<year>a)b*?",
            ],
        ),
        (
            False,
            [
                "(a+)+$", "((a+))+", "((a+)b?)*", "(a|aa)+b", "(?:.*a){25}b", "(a{1,30}){1,30}b", "(a?){30}",
                "(?i)a", "\\p{Alpha}", "a++", "(?>a)", "[a-z&&[^b]]", "\\Qa\\E", "a)|(b", "(",
            ],
        ),
    ],
)  # fmt: skip
def test_the_browser_tries_a_pattern_only_where_it_reads_it_as_java_does_and_soon(visit, is_tried, patterns):
    tried = visit(SIMPLE).evaluate("sources => sources.map(source => patternOf(source) !== null)", patterns)
    assert [pattern for pattern, said in zip(patterns, tried, strict=True) if said is not is_tried] == []


def test_the_page_encodes_every_character_as_the_command_does(visit):
    characters = [chr(code) for code in (*range(0x500), *range(0x2000, 0x2100), 0xFEFF, 0xFFFD, 0x1F680)]
    encoded = visit(SIMPLE).evaluate("texts => texts.map(encode)", characters)
    assert encoded == [quote(character, safe="") for character in characters]


def test_the_keyboard_alone_gets_to_the_console(visit):
    page = visit(SIMPLE)
    for value in (SUBNET, SUBNET, "key", "", "8"):  # which replaces what a field holds
        page.keyboard.press("Tab")
        page.keyboard.type(value)
    page.keyboard.press("Tab")  # the Region
    page.keyboard.press("Tab")
    page.keyboard.type("hpc")
    page.keyboard.press("Tab")
    assert page.locator("#launch").evaluate("launch => launch === document.activeElement")
    with page.expect_popup() as popup:
        page.keyboard.press("Enter")
    popup.value.wait_for_load_state()
    said = read_link(popup.value.url)
    assert said.stack_name == "hpc"
    assert said.parameters == {
        "HeadNodeSubnet": SUBNET, "ComputeSubnet": SUBNET, "KeyName": "key", "MaxCount": "8",
    }  # fmt: skip


def test_the_link_is_copied(visit):
    page = visit(SIMPLE, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The link is on the clipboard.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == link(page)


def test_the_region_names_the_console_and_the_template(visit):
    url = "https://bucket-{region}.s3.{region}.amazonaws.com/cluster.yaml"
    page = visit(SIMPLE, "--stack-name", "hpc", url=url)
    page.get_by_label("Region").select_option("us-gov-west-1")
    arguments = ("--stack-name", "hpc", "--region", "us-gov-west-1")
    assert link(page) == command_s_link(SIMPLE, {}, *arguments, url=url)
    assert page.locator("#template").inner_text() == url.replace("{region}", "us-gov-west-1")
    assert page.locator("optgroup").evaluate_all("groups => groups.map(group => group.label)") == [
        "AWS",
        "AWS GovCloud (US)",
    ]


def test_a_link_that_would_not_survive_is_not_offered(visit):
    page = visit(HOSTILE)
    fill(page, "Empty", "ü" * 1300)
    assert "and only 8,000 work everywhere" in page.locator("#state").inner_text()
    assert page.locator("#launch").get_attribute("aria-disabled") == "true"
    fill(page, "Empty", "ü" * 1200)
    assert page.locator("#launch").get_attribute("aria-disabled") == "false"


def test_what_the_console_will_ask_for_is_said(visit):
    page = visit(HOSTILE)
    fill(page, "Empty", "x")
    assert page.locator("#state").inner_text() == (
        "Ready. The console will ask for: Subnets of the <compute> nodes, Zone, Size, Password."
    )
    assert page.get_by_text("Password of the database. You type it in the console").count() == 1


def test_a_template_s_texts_stay_texts(visit):
    page = visit(HOSTILE)  # fails if anything in it runs, loads or complains
    assert page.title() == "Hostile"
    assert page.locator(".lead").inner_text().startswith("</script><script>document.title = 'hacked'")
    assert page.locator("legend").first.inner_text() == "<b>Network</b> & more"
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0


def test_without_scripts_there_is_a_link_to_the_template_alone(visit):
    page = visit(SIMPLE, java_script_enabled=False)
    assert page.get_by_role("link", name="Open the console").get_attribute("href") == command_s_link(
        SIMPLE, {}
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("template", [SIMPLE, HOSTILE], ids=str)
def test_the_page_is_accessible_right_and_wrong(visit, template, width, scheme):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - not there for the other tests

    page = visit(template, color_scheme=scheme, viewport={"width": width, "height": 900})
    assert violations(Axe().run(page)) == []
    fill(page, "Stack name", "1hpc")
    page.locator("#launch").focus()
    assert page.locator("p.error:visible").count() == 1
    assert violations(Axe().run(page)) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def violations(results):
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]])
        for violation in results.response["violations"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 390)])
def test_pictures_are_taken(visit, scheme, width):
    page = visit(SIMPLE, color_scheme=scheme, viewport={"width": width, "height": 800})
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{scheme}-{width}.png", full_page=True)
    fill(page, "Largest number of compute nodes", "0")
    fill(page, "Subnet of the head node", "subnet-12")
    page.keyboard.press("Tab")
    page.screenshot(path=PICTURES / f"{scheme}-{width}-wrong.png", full_page=True)
    assert len(list(PICTURES.glob(f"{scheme}-{width}*.png"))) == 2
