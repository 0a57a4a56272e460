"""
The demo page in a real Chromium: first on a stage (one process, no master), where what
the page does is tested alone; then with the whole server.

Screenshots are left in trial's temporary folder.  With C{DEMO_PICTURE=write} in the
environment the picture of README, C{docs/images/demo.png}, is made anew.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.server import Site

from tests.demo import chromium
from tests.demo.stage import Stage
from tests.integration.twistdharness import Twistd, until

if chromium.skipReason is None:
    from selenium.webdriver.support.expected_conditions import staleness_of

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "demo.png"

# The contrast (WCAG 2.2, 1.4.3) of each kind of text to what is behind it.
CONTRAST = """
function channel(c) { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }
function parts(color) { return color.match(/[\\d.]+/g).map(Number); }
function light(color) {
  const [r, g, b] = parts(color);
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
}
function behind(element) {
  for (let e = element; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (parts(color).length === 3) return color;
  }
}
document.querySelectorAll(".card")[0].classList.add("away");
document.querySelectorAll(".card")[1].classList.add("answered");
const found = {};
for (const e of document.querySelectorAll("h1, h2, h3, p, dt, dd, button, li, time, footer")) {
  const pair = [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => b - a);
  const name = e.tagName + "." + e.className;
  if (e.textContent.trim()) found[name] = (pair[0] + 0.05) / (pair[1] + 0.05);
}
return found;
"""


class Visit:
    """
    One browser that looks at the demo page.
    """

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def look(self, scheme: str = "light", width: int = 900, height: int = 900) -> None:
        """
        @param scheme: C{"light"} or C{"dark"}.
        @param width: of the window, in CSS pixels.
        @param height: of the window, in CSS pixels.
        """
        # Colours are measured, so they must not be on their way to others.
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def load(self) -> None:
        """
        Load the page.
        """
        self.driver.get(self.url)

    def run(self, script: str) -> Any:
        """
        @param script: run in the page.
        @return: what it returns.
        """
        return self.driver.execute_script(script)

    def text(self, selector: str) -> str:
        """
        @param selector: of CSS.
        @return: what a person reads there.
        """
        return self.driver.find_element("css selector", selector).text

    def pids(self) -> dict[str, str]:
        """
        @return: the pid that the page shows for each slot.
        """
        found: dict[str, str] = self.run(
            "return Object.fromEntries(Array.from(document.querySelectorAll('.card'), card =>"
            " [card.dataset.slot, card.querySelector('[data-fact=pid]').textContent]))"
        )
        return found

    def press(self) -> None:
        """
        Press the button.
        """
        self.driver.find_element("css selector", "button").click()

    def victim(self) -> str:
        """
        @return: the slot that the button hit.
        """
        said = until(lambda: self.text("#note"), "the page to say whom the button hit")
        return said.split()[1]

    def complaints(self) -> list[str]:
        """
        @return: what the browser wrote to its console: violations of the policy, what
            was not found, exceptions.  A poll that got 503 is none.
        """
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if " 503 " not in entry["message"]]


@contextmanager
def browser() -> Iterator[Chrome]:
    """
    A browser with a profile of its own, gone at the end.
    """
    profile = tempfile.mkdtemp(prefix="chromium-")
    try:
        driver = chromium.startChromium(profile)
        try:
            yield driver
        finally:
            driver.quit()
    finally:
        rmtree(profile, ignore_errors=True)


class StageTests(TestCase):
    """
    The page by itself.
    """

    skip = chromium.skipReason
    timeout = 120.0

    def visit(self, script: Callable[[Visit], None], count: int = 3) -> Deferred[None]:
        """
        @param script: what the visitor does, in a thread.
        @param count: how many children the stage plays.
        """
        stage = Stage(IReactorTime(reactor), count)
        site: Any = Site(stage)
        port = IReactorTCP(reactor).listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        host = port.getHost()
        assert isinstance(host, IPv4Address)

        def inThread() -> None:
            with browser() as driver:
                visit = Visit(driver, f"http://127.0.0.1:{host.port}/")
                script(visit)
                self.assertEqual(visit.complaints(), [])

        async def play() -> None:
            try:
                await deferToThread(inThread)
            finally:
                await stage.whenComplete()

        return Deferred.fromCoroutine(play())

    def test_button(self) -> Deferred[None]:
        """
        Pressing the button shows who went away and, soon, that it came back.
        """

        def script(visit: Visit) -> None:
            visit.load()
            until(lambda: len(visit.pids()) == 3, "a card for each child")
            self.assertEqual(visit.text("#events"), "Nothing yet: no child has crashed.")
            before = visit.pids()
            visit.press()
            slot = visit.victim()
            story = f"child {slot} crashed (exit 1), back after 0.4 s"
            until(lambda: story in visit.text("#events"), story)
            self.assertIn("is back as process", visit.text("#note"))
            changed = {name for name in before if visit.pids()[name] != before[name]}
            self.assertEqual(changed, {slot})

        return self.visit(script)

    def test_onlyChild(self) -> Deferred[None]:
        """
        With nobody left the page says so, and goes on asking.
        """

        def script(visit: Visit) -> None:
            visit.load()
            until(lambda: "answered by child 0" in visit.text("#poll"), "the first poll")
            visit.press()
            until(lambda: "No child answered" in visit.text("#poll"), "the page to say so")
            self.assertIn("on its way back", visit.text(".card.away .state"))
            until(lambda: "child 0 crashed" in visit.text("#events"), "the child's return")
            self.assertIn("answered last", visit.text(".card.answered .state"))

        return self.visit(script, count=1)

    def test_withoutScript(self) -> Deferred[None]:
        """
        Without script the page says who answered, the button leads back to it, and the
        child that comes back tells its story.
        """

        def script(visit: Visit) -> None:
            visit.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
            visit.load()
            self.assertRegex(visit.text("h1"), r"^Child \d answered$")
            self.assertRegex(visit.text(".card"), r"pid\n\d+\ngeneration\n1\nuptime\n\d+\.\d s")
            self.assertIn("Without script", visit.driver.page_source)
            left = staleness_of(visit.driver.find_element("css selector", "html"))
            visit.press()
            until(lambda: left(visit.driver), "the answer to the form")
            self.assertRegex(visit.text("h1"), r"^Child \d answered$")
            self.assertEqual(visit.driver.current_url, visit.url)

            def told() -> bool:
                visit.load()
                return "crashed (exit 1), back after 0.4 s" in visit.text("#events")

            until(told, "the page of the child that came back")

        return self.visit(script)

    def test_keyboard(self) -> Deferred[None]:
        """
        The button is reached and pressed with the keyboard, and shows its focus.
        """

        def script(visit: Visit) -> None:
            visit.load()
            visit.driver.switch_to.active_element.send_keys("\ue004")  # Tab
            focused = visit.driver.switch_to.active_element
            self.assertEqual(focused.tag_name, "button")
            self.assertEqual(focused.value_of_css_property("outline-style"), "solid")
            focused.send_keys("\ue007")  # Enter
            slot = visit.victim()
            until(lambda: f"child {slot} crashed" in visit.text("#events"), "its return")

        return self.visit(script)

    def test_looks(self) -> Deferred[None]:
        """
        Light and dark have enough contrast; 400 pixels are wide enough.
        """

        def script(visit: Visit) -> None:
            folder = Path(self.mktemp())
            folder.mkdir()
            for scheme in ("light", "dark"):
                for width in (900, 400):
                    visit.look(scheme, width, 1250)
                    visit.load()
                    until(lambda: len(visit.pids()) == 3, "a card for each child")
                    visit.driver.save_screenshot(str(folder / f"{scheme}-{width}.png"))
                    self.assertEqual(visit.run("return document.body.scrollWidth"), width)
                    for element, contrast in visit.run(CONTRAST).items():
                        self.assertGreaterEqual(contrast, 4.5, f"{element} in {scheme}")

        return self.visit(script)


class WholeServerTests(SynchronousTestCase):
    """
    The page as a newcomer meets it.
    """

    skip = chromium.skipReason

    def test_button(self) -> None:
        """
        Press the button: another child answers, and the slot comes back as a new process.
        """
        server = Twistd(self, "--listen=tcp:0:interface=127.0.0.1", "--children=3")
        url = f"http://127.0.0.1:{server.waitUntilReady()}/"
        with browser() as driver:
            visit = Visit(driver, url)
            visit.look(width=860, height=850)
            visit.load()
            until(lambda: len(visit.pids()) == 3, "a card for each child")
            before = visit.pids()
            self.assertEqual({int(pid) for pid in before.values()}, server.children())
            visit.press()
            slot = visit.victim()
            answering = "return document.querySelector('.card.answered')?.dataset.slot"
            until(lambda: visit.run(answering) not in (None, slot), "another child's answer")
            until(lambda: f"child {slot} crashed (exit 1)" in visit.text("#events"), "its return")
            self.assertRegex(visit.text("#events"), r"back after \d+\.\d s")
            after = visit.pids()
            self.assertEqual({name for name in before if after[name] != before[name]}, {slot})
            self.assertEqual({int(pid) for pid in after.values()}, server.children())
            self.assertEqual(visit.complaints(), [])
            if os.environ.get("DEMO_PICTURE") == "write":
                PICTURE.parent.mkdir(exist_ok=True)
                driver.save_screenshot(str(PICTURE))
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.leftovers(), set())
