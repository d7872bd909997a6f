"""The page of `eoi report` in a real browser: it opens, steps, says where it is, asks nobody, and can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.rigs.browser import browser, needs_browser
from tests.rigs.page_made import made

pytestmark = needs_browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


class Seen:
    """What a page logged and asked for."""

    def __init__(self, page: Any) -> None:
        self.logged, self.asked = list[str](), list[str]()
        page.on("console", lambda message: self.logged.append(message.text))
        page.on("pageerror", lambda error: self.logged.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))


@pytest.fixture
def opened(chromium: Any) -> Iterator[Any]:
    """opened(width=..., dark=..., script=..., at=...): the page; it must log nothing and ask for nothing but itself."""
    contexts, seen = list[Any](), list[Seen]()

    def open_page(
        *, width: int = 1600, height: int = 1000, dark: bool = False, script: bool = True, at: str = ""
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light",
            java_script_enabled=script, reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        seen.append(Seen(page))
        page.goto(made().path.as_uri() + at)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen and [text for one in seen for text in one.logged] == []
    own = made().path.as_uri()
    assert {url.partition("#")[0] for one in seen for url in one.asked} == {own}


def step_of(page: Any) -> int:
    return int(page.locator("li.step[data-now]").get_attribute("data-step"))


def shown_changes(page: Any) -> list[str]:
    """The paths of the fields that the state marks."""
    return sorted(page.eval_on_selector_all("#state tr.changed", "rows => rows.map(row => row.dataset.path)"))


def event_of(page: Any, step: int) -> dict[str, Any]:
    data = made().data
    heading = page.locator("#asked h3").inner_text().partition(":")[0]
    shown = page.evaluate("document.querySelector('td button[aria-pressed=true]').closest('td').dataset.key")
    (story,) = [s for c, p, s, *_ in data["said"] if f"{c},{p}" == shown]
    about = next(data["properties"][p]["name"] for c, p, *_ in data["said"] if f"{c},{p}" == shown)
    assert about == heading
    event: dict[str, Any] = data["events"][data["stories"][story]["events"][step - 1]]
    return event


def test_it_opens_with_the_first_regression_where_the_two_part(opened):
    page = opened()
    assert page.locator("#asked h3").inner_text() == "no_eoi_lost: VIOLATED in 10 steps (shortest)"
    assert step_of(page) == 8 and page.locator("#at").inner_text() == "step 8 of 10"
    box = page.locator("li.step[data-now] .parts")
    assert "Here mine.py and base part" in box.inner_text()
    only = box.locator("li.only").all_inner_texts()
    assert [text.removeprefix("\u25c6").strip() for text in only] == [
        "CPU0 pending EOI none \u2192 0", "CPU0 REQ_IOAPIC_EOI_EXIT 0 \u2192 1", "CPU0 in guest 1 \u2192 0",
    ]  # fmt: skip
    apart = page.locator("#state tr.apart td:last-child").all_inner_texts()
    assert len(apart) == 3 and all(text.startswith("\u2260 ") for text in apart)
    source = page.locator("#source")
    assert source.locator("span.added.ran").all_inner_texts()[-1].rstrip().endswith("return")
    assert "base runs here, too:" in source.inner_text() and "LapicC.kvm_ioapic_send_eoi" in source.inner_text()


def test_every_place_with_a_run_opens_it(opened):
    page = opened()
    page.evaluate("document.querySelectorAll('details.quiet').forEach(one => one.open = true)")
    keys = page.eval_on_selector_all("td button", "all => all.map(one => one.closest('td').dataset.key)")
    data = made().data
    assert sorted(keys) == sorted(f"{c},{p}" for c, p, s, *_ in data["said"] if s >= 0) and len(keys) > 10
    for key in keys:
        page.locator(f"td[data-key='{key}'] button").click()
        cell, about = map(int, key.split(","))
        assert page.locator("#asked h3").inner_text().startswith(data["properties"][about]["name"] + ": ")
        assert f"in {data['cells'][cell]['title']}" in page.locator("#asked > p.pale").inner_text()
        (story,) = [s for c, p, s, *_ in data["said"] if (c, p) == (cell, about)]
        assert page.locator("li.step").count() == len(data["stories"][story]["events"]) + 1


def test_keys_step_and_the_state_and_the_source_follow(opened):
    page = opened()
    page.locator("#viewer").focus()
    page.locator("#setup > summary").click()
    page.locator("#viewer").focus()
    page.keyboard.press("Home")
    assert step_of(page) == 0 and page.locator("#previous").is_disabled()
    assert page.locator("#state-title").inner_text() == "The initial state" and shown_changes(page) == []
    for step in range(1, 11):
        page.keyboard.press("ArrowRight" if step % 2 else "ArrowDown")
        event = event_of(page, step)
        assert step_of(page) == step and page.locator("#at").inner_text() == f"step {step} of 10"
        assert (
            page.locator("[aria-current=step]")
            .inner_text()
            .strip()
            .endswith(f"{event['step']}({', '.join(f'{k}={v}' for k, v in event['args'])})")
        )
        assert shown_changes(page) == sorted(change["path"] for change in event["changes"])
        assert page.locator("#state-title").inner_text() == f"State after step {step}"
        assert f".{event['step']} " in page.locator("#source").inner_text()
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 10 and page.locator("#next").is_disabled()
    page.keyboard.press("ArrowUp")
    assert step_of(page) == 9
    page.keyboard.press("End")
    assert step_of(page) == 10


def test_the_set_up_is_one_step_until_it_is_unfolded(opened):
    page = opened()
    (number,) = {
        s for c, p, s, *_ in made().data["said"] if made().data["properties"][p]["name"] == "no_eoi_lost" and s >= 0
    }
    set_up = made().data["values"][made().data["stories"][number]["head"]["set_up"]]
    assert set_up > 1 and not page.locator("li.step[data-step='1']").is_visible()
    assert page.locator("#setup > summary").inner_text().startswith(f"Set-up: steps 1 to {set_up}")
    assert "CPU0 SPIV.12: 1" in page.locator("#setup .leaves").inner_text()
    page.locator("#viewer").focus()
    for key, step in (
        ("Home", 0),
        ("ArrowRight", set_up),
        ("ArrowRight", set_up + 1),
        ("ArrowLeft", set_up),
        ("ArrowLeft", 0),
    ):
        page.keyboard.press(key)
        assert step_of(page) == step
        assert page.locator("li.setup[data-now]").count() == (step == set_up)
    page.locator("#setup > summary").click()
    page.locator("#viewer").focus()
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 1 and page.locator("li.step[data-step='1']").is_visible()


def test_what_is_held_stands_as_a_bar_as_long_as_it_is_set(opened):
    """The line of pin 0 from step 5, in which the device raises it, to step 9, in which the nested guest services it."""
    page = opened()
    page.locator("#setup > summary").click()
    held = "all => all.map(one => Number(one.closest('li.step').dataset.step))"
    steps = page.eval_on_selector_all(".hold[title^='line']", held)
    assert sorted(set(steps)) == [5, 6, 7, 8, 9]
    assert sorted(set(page.eval_on_selector_all(".hold[title*='Remote IRR']", held))) == [5, 6, 7, 8, 9, 10]


def test_the_mouse_steps_too(opened):
    page = opened()
    page.locator("#setup > summary").click()
    page.locator("li.step[data-step='3'] .pick").click()
    assert step_of(page) == 3
    page.locator("#next").click()
    assert step_of(page) == 4
    page.locator("#first").click()
    assert step_of(page) == 0
    page.locator("#parting").click()
    assert step_of(page) == 8


def test_arrow_keys_go_from_verdict_to_verdict_and_enter_opens_one(opened):
    page = opened()
    page.locator("#matrix td button[tabindex='0']").first.focus()
    before = page.evaluate("document.activeElement.closest('td').dataset.key")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("document.activeElement.closest('td').dataset.key")
    assert before.split(",")[0] == after.split(",")[0] and before != after
    assert page.locator("#matrix td button[tabindex='0']").count() == 1
    assert made().data["properties"][int(after.split(",")[1])]["name"] in page.locator("#pointed").inner_text()
    page.keyboard.press("Enter")
    assert page.locator("td button[aria-pressed=true]").evaluate("one => one.closest('td').dataset.key") == after
    assert page.evaluate("document.activeElement.id") == "viewer"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.closest('td').dataset.key") == after


def test_its_address_is_the_storys(opened):
    page = opened()
    page.locator("#matrix td.better button").first.click()
    heading, address = page.locator("#asked h3").inner_text(), page.evaluate("location.hash")
    assert "%20in%20" in address
    assert opened(at=address).locator("#asked h3").inner_text() == heading
    assert opened(at="#no%20such%20story").locator("#asked h3").inner_text().startswith("no_eoi_lost: ")


def test_a_fixed_property_tells_the_run_of_the_base_and_that_the_patch_stops_it(opened):
    page = opened()
    page.locator("#matrix td.better button").first.click()
    assert "This is a run of base: mine.py stops it." in page.locator("#asked").inner_text()


def test_cells_can_be_looked_for(opened):
    page = opened()
    page.locator("#filter").fill("windows 0x11")
    rows = page.locator("#matrix tbody tr:not(.group):visible th").all_inner_texts()
    assert rows == ["qemu 0x11, windows_cg, level"] and page.locator("#filtered").inner_text() == "1 of 4 cells"
    page.locator("#filter").fill("")
    assert page.locator("#matrix tbody tr:not(.group):visible").count() == 4


@pytest.mark.parametrize("width", [375, 760, 1024, 1600])
def test_nothing_is_wider_than_the_screen(opened, width):
    page = opened(width=width, height=800)
    for place in ("body", "#cells", "#viewer"):
        page.evaluate(f"document.querySelector('{place}').scrollIntoView()")
        assert page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [width, width]
    page.evaluate("scrollTo(500, scrollY)")
    assert page.evaluate("scrollX") == 0
    assert page.locator("#matrix td.worse").first.is_visible() and page.locator("li.step[data-now]").is_visible()


def test_on_a_telephone_the_verdicts_name_their_properties(opened):
    page = opened(width=375, height=800)
    label = page.evaluate("getComputedStyle(document.querySelector('#matrix td.worse'), '::before').content")
    assert label == '"no_eoi_lost"'
    page.locator("#matrix td.better button").first.click()
    page.locator("#next").click()
    assert re.match(r"step \d+ of \d+", page.locator("#at").inner_text())


# --- can it be read? ---

# The contrast of each text with what is behind it, by WCAG 2: (ratio, text) of those that are visible.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (of) => { for (; of; of = of.parentElement) { const color = rgba(getComputedStyle(of).backgroundColor); if (color[3] === 255) return color; } return [255, 255, 255, 255]; };
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const of = text.parentElement;
    if (!text.data.trim() || !of.checkVisibility() || of.closest(":disabled, .unseen")) continue;
    const [a, b] = [luminance(rgba(getComputedStyle(of).color)), luminance(behind(of))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.data.trim()]);
  }
  return found;
}"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(opened, dark):
    page = opened(dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = page.evaluate(CONTRAST)
    assert len(found) > 300 and [one for one in found if one[0] < 4.5] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 150) == dark


def test_the_colours_can_be_changed_and_stay(opened):
    page = opened()
    assert page.locator("#theme").inner_text() == "Dark"
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light and page.locator("#theme").inner_text() == "Light"
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_it_prints(opened):
    """On white, with all of the matrix and of the story, and nothing to press."""
    page = opened(dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for pressed in ("#theme", "#filter", "#next"):
        assert not page.locator(pressed).is_visible()
    for whole in (".scroll:has(#matrix)", "#lanes", "#source"):
        assert page.evaluate(f"(one => one.scrollHeight <= one.clientHeight + 1)(document.querySelector('{whole}'))")
    assert [one for one in page.evaluate(CONTRAST) if one[0] < 4.5] == []
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_without_scripts_the_answer_the_matrix_and_a_story_are_there(opened):
    page = opened(script=False)
    assert page.locator("h1").inner_text() == made().answer.headline
    assert page.locator("#matrix tbody tr:not(.group)").count() == 4
    assert "\u25bc worse" in page.locator("#matrix td.worse").first.inner_text()
    assert page.locator("#viewer pre").inner_text().startswith("no_eoi_lost: VIOLATED in 10 steps (shortest)")
    assert page.locator("noscript").inner_text().startswith("With scripts")
    assert not page.locator("#filter").is_visible() and not page.locator("#theme").is_visible()


def test_who_listens_hears_what_it_is(opened):
    """Headings in order, every control and region named, one main part, tables with heads."""
    page = opened()
    levels = page.eval_on_selector_all("h1, h2, h3, h4, h5", "all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in pairwise(levels))
    nameless = "all => all.filter(one => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim() || one.labels?.length)).length"
    assert page.eval_on_selector_all("button, input, [role=region], main section", nameless) == 0
    assert page.locator("main").count() == 1 and page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("#matrix th:not([scope])").count() == 0
    assert page.locator("#at").get_attribute("aria-live") == "polite"
    assert page.evaluate(
        "document.querySelectorAll('[id]').length === new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size"
    )
