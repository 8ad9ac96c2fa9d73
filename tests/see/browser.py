# SPDX-License-Identifier: MIT
"""A headless Chromium, driven by chromedriver over WebDriver (https://www.w3.org/TR/webdriver2/)."""
import json
import re
import subprocess
import urllib.error
import urllib.request

KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Home": "\ue011", "End": "\ue010",
        "PageDown": "\ue00f", "Tab": "\ue004", "Enter": "\ue007", "space": " ",
        "ArrowUp": "\ue013", "ArrowDown": "\ue015", "PageUp": "\ue00e", "Escape": "\ue00c"}
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--window-size=1280,900"]


class Failed(Exception):
    """What the browser answered instead."""


class Browser:
    """with Browser() as browser: browser.open(path)"""

    def __init__(self):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.url = None
        for line in self.driver.stdout:
            match = re.search(r"started successfully on port (\d+)", line)
            if match:
                self.url = f"http://127.0.0.1:{match[1]}"
                break
        if not self.url:
            raise Failed("chromedriver does not start")
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": ARGUMENTS},
                  "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url += f"/session/{session['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()

    def _call(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failed(error.read().decode(errors="replace")[:1000]) from None

    def open(self, path, fragment=""):
        """Load the page anew and wait until it shows its records, or says why it cannot."""
        self.go("about:blank")
        self.go(f"file://{path}{fragment}")
        self.later("""const look = () => performance.getEntriesByName("shown").length ||
            document.querySelector("#notes p") ? done() : setTimeout(look, 10); look();""")

    def go(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value that the script returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": args})

    def later(self, script):
        """Until the script calls done(value)."""
        script = "const done = arguments[0];" + script
        return self._call("POST", "/execute/async", {"script": script, "args": []})

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def key(self, name):
        """Press a key, wherever the focus is."""
        value = KEYS[name]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]}]})

    def look_like(self, width, scheme="light", media=""):
        """A screen so wide (CSS pixels), light or dark, or paper."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900,
                       deviceScaleFactor=1, mobile=width < 500)
        self.devtools("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    def devtools(self, command, **params):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def measure(self):
        """Have busy() count from now on, through the pages that are opened from here."""
        self.devtools("Performance.enable", timeDomain="threadTicks")

    def busy(self):
        """Milliseconds of CPU that the page's main thread has had for its tasks (scripts, layout,
        painting, collecting garbage): what else runs on this machine is not in it."""
        metrics = self.devtools("Performance.getMetrics")["metrics"]
        return next(1000 * m["value"] for m in metrics if m["name"] == "TaskDuration")

    def painted(self):
        """Wait until what was done is on the screen."""
        self.later("requestAnimationFrame(() => requestAnimationFrame(done))")

    def errors(self):
        """What the page complained of since the last call."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE"]
