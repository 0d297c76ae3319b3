"""A few calls of WebDriver (https://www.w3.org/TR/webdriver2/) to Chromium, with the standard library alone."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Left": "\ue012", "Up": "\ue013", "Right": "\ue014", "Down": "\ue015"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Browser:
    """Chromium without a window, in a profile of its own. A context manager."""

    def __enter__(self):
        port = free_port()
        self.profile = tempfile.mkdtemp(prefix="fhe-nn-browser-")
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}", "--silent"])
        self.base = f"http://127.0.0.1:{port}"
        until(lambda: self.answers(), 30, "chromedriver answers")
        options = {"args": [*FLAGS, f"--user-data-dir={self.profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{session['sessionId']}"
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def answers(self):
        try:
            return self.call("GET", "/status")["ready"]
        except urllib.error.URLError:
            return False

    def call(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def reload(self):
        self.call("POST", "/refresh")

    def run(self, script, *arguments):
        """Runs a body of a function in the page, and returns what it returns; a promise is waited for."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, css):
        found = self.call("POST", "/element", {"using": "css selector", "value": css})
        return f"/element/{found[ELEMENT]}"

    def text(self, css):
        return self.call("GET", self.find(css) + "/text")

    def click(self, css):
        self.call("POST", self.find(css) + "/click")

    def press(self, keys):
        """Presses keys one after the other, each a name of `KEYS` or a letter."""
        actions = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def draw(self, css, points):
        """Draws a line over an element. Places are shares of its width and height."""
        box = self.run(
            "const box = arguments[0].getBoundingClientRect(); return [box.x, box.y, box.width, box.height];",
            self.element(css),
        )
        place = lambda x, y: {"x": round(box[0] + x * box[2]), "y": round(box[1] + y * box[3])}
        move = lambda x, y: {"type": "pointerMove", "duration": 40, **place(x, y)}
        first, *rest = points
        button = {"button": 0}
        actions = [move(*first), {"type": "pointerDown", **button}]
        actions += [move(*point) for point in rest] + [{"type": "pointerUp", **button}]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.call("POST", "/actions", {"actions": [pointer]})

    def element(self, css):
        return {ELEMENT: self.find(css).removeprefix("/element/")}

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def complaints(self):
        """Returns what the browser complained about since the last call, such as a broken security policy."""
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path):
        """Saves the whole page as a PNG file."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))


def until(holds, seconds, what):
    """Waits until something holds, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"within {seconds} s: {what}")
