"""Dagster's UI in a real browser, used as a person uses it: by what is written on links and buttons.

Dagster's UI has few test ids. Where nothing is written on a thing, its icon's name is; both are Dagster 1.13's.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDTH, HEIGHT = 1400, 900
SEEN_WITHIN_MS = 30_000
RUN_WITHIN_MS = 90_000


def chromium() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def browsing(url: str, width: int = WIDTH, height: int = HEIGHT) -> Iterator["Person"]:
    """Somebody who sits before Dagster's UI with a browser that remembers nothing."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=SEEN_WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(OPTIONS))
        try:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
            context.set_default_timeout(SEEN_WITHIN_MS)
            yield Person(context.new_page(), url)
        finally:
            browser.close()


class Person:
    """What a person does in Dagster's UI, and waits to see."""

    def __init__(self, page: "Page", url: str) -> None:
        self.page = page
        self.url = url

    def link(self, name: str) -> "Locator":
        """Its icon's name stands before its own."""
        return self.page.get_by_role("link", name=re.compile(rf"(^|\s){re.escape(name)}$")).first

    def button(self, name: str) -> "Locator":
        """Some count what they would do after their name: Materialize all (9)."""
        return self.page.get_by_role("button", name=re.compile(rf"(^|\s){re.escape(name)}( \(\d+\))?$")).first

    def icon(self, name: str) -> "Locator":
        """A button with that icon."""
        return self.page.get_by_role("button").filter(has=self.page.get_by_role("img", name=name)).first

    def see(self, text: "str | re.Pattern[str]", within: "Locator | None" = None) -> "Locator":
        """The first thing with that text, once it is there."""
        from playwright.sync_api import expect

        found = (within or self.page).get_by_text(text).first
        expect(found).to_be_visible()
        return found

    def open(self, *names: str) -> None:
        """Begin at the front page, where nothing that was told before still lies over it, and follow these links."""
        self.page.goto(self.url)
        for name in names:
            self.link(name).click()

    def open_asset(self, name: str, tab: str = "Overview") -> None:
        self.open("Catalog", name)
        self.page.get_by_role("tab", name=tab).click()

    def read_markdown(self, key: str) -> "Locator":
        """What the asset that is open says under that key, in the dialog that shows it."""
        self.page.get_by_role("row", name=re.compile(rf"^{key}\b")).get_by_text("Show Markdown").click()
        return self.page.get_by_role("dialog")

    def reload_definitions(self) -> None:
        """What changed in `.env` is read then."""
        self.open("Lineage")
        self.button("Reload definitions").click()
        self.see("Definitions reloaded")

    def materialize_all(self) -> str:
        """Start a run of everything from the graph, and look at its page until it has ended: Success or Failure."""
        self.open("Lineage")
        self.button("Materialize all").click()
        self.link("View").click()
        return self.end_of_run()

    def end_of_run(self) -> str:
        self.page.wait_for_url("**/runs/*")
        success, failure = (self.page.get_by_text(word, exact=True) for word in ("Success", "Failure"))
        ended = success.or_(failure).first
        ended.wait_for(timeout=RUN_WITHIN_MS)
        return ended.inner_text()

    def log(self) -> str:
        """What the page of the run says of its steps."""
        return self.page.locator("main, body").last.inner_text()[-3000:]

    def launch(self, job: str, changes: Mapping[str, str]) -> str:
        """Launch the job with what its launchpad offers, some lines of it written anew."""
        self.open("Jobs", job)
        self.page.get_by_role("tab", name="Launchpad").click()
        for line, wanted in changes.items():
            self.page.locator(".CodeMirror-line", has_text=line).locator("span").first.click()
            for key in ("End", "Shift+Home"):  # marks the line up to its indentation
                self.page.keyboard.press(key)
            self.page.keyboard.type(wanted)
            self.page.keyboard.press("Escape")  # closes what it suggests
            self.page.locator(".CodeMirror-line", has_text=wanted).wait_for()
        self.button("Launch Run").click()
        return self.end_of_run()
