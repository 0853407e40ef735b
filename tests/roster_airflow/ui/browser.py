"""A headless Chromium, driven over its own protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect


class Browser:
    """One page of it. session: of a page that another opened."""

    def __init__(self, socket: ClientConnection, session: str | None = None) -> None:
        self._socket = socket
        self._session = session
        self._number = 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command; its answer."""
        self._number += 1
        of = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params, **of}))
        while True:
            said = json.loads(self._socket.recv(timeout=30))
            if said.get("id") == self._number and said.get("sessionId") == self._session:
                assert "error" not in said, said
                found: dict[str, Any] = said["result"]
                return found

    def run(self, script: str) -> Any:
        """What the expression is worth on the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def open(self, url: str) -> None:
        """Go there, and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def wait(self, script: str) -> None:
        """Until the expression is true."""
        for _ in range(1200):  # a minute: other tests have the machine too
            if self.run(script):
                return
            time.sleep(0.05)
        raise AssertionError(script + " never came true; the page says: " + str(self.text()))

    def text(self) -> str:
        """What a person reads."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def press(self, selector: str, until: str) -> None:
        """Click, and wait for what comes of it."""
        self.wait(f"!!document.querySelector({selector!r})")
        self.run(f"document.querySelector({selector!r}).click()")
        self.wait(until)

    def click(self, selector: str) -> None:
        """With the mouse, as only a person's click opens a tab; once the element stands still."""
        place = f"JSON.stringify(document.querySelector({selector!r})?.getBoundingClientRect())"
        self.wait(f"!!document.querySelector({selector!r})")
        before, now = None, self.run(place)
        while before != now:
            time.sleep(0.2)
            before, now = now, self.run(place)
        box = json.loads(now)
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **at)

    def opened(self) -> Browser:
        """The tab that a click has opened."""
        for _ in range(1200):
            tabs = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
            if found := [one["targetId"] for one in tabs if not one["attached"]]:
                said = self.call("Target.attachToTarget", targetId=found[0], flatten=True)
                return Browser(self._socket, said["sessionId"])
            time.sleep(0.05)
        raise AssertionError("no tab was opened; the page says: " + self.text())

    def picture(self, width: int, file: Path | None = None) -> int:
        """How wide the page is at this window width; kept in a file if there is one."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))
        return int(self.run("document.documentElement.scrollWidth"))


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """A browser of its own, without anything remembered; skips where there is no Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on this machine: the pages are not tried in a browser")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server"]
    flags += ["--remote-debugging-port=0", f"--user-data-dir={folder}", "--disable-dev-shm-usage", "about:blank"]
    process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = folder / "DevToolsActivePort"
        for _ in range(400):
            if port_file.exists() and port_file.read_text().count("\n"):
                break
            time.sleep(0.05)
        port = port_file.read_text().split()[0]
        pages = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        with connect(address, max_size=None, proxy=None) as socket:
            browser = Browser(socket)
            browser.call("Page.enable")
            yield browser
    finally:
        process.terminate()
        process.wait(timeout=20)
