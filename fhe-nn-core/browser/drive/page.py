"""Uses the page of `fhe-nn serve` as a person does, in Chromium: draws, asks, reads, reloads, and forgets the keys.

usage: page.py URL [--screenshots FOLDER]

A server of the model `Digits` answers at the URL. Chromium and ChromeDriver are those on the path.
"""

import argparse
import os
import urllib.error
import urllib.request

from webdriver import Browser, until

KEPT = """
return new Promise((resolve, reject) => {
  const opening = indexedDB.open("fhe-nn");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const read = opening.result.transaction(["keys", "seal"]);
    const [keys, seal] = ["keys", "seal"].map((name) => read.objectStore(name).getAll());
    read.oncomplete = () => {
      opening.result.close();
      resolve({
        evaluation: keys.result.map((entry) => entry.evaluation),
        sealed: keys.result.map((entry) => [entry.iv, entry.sealed].map((bytes) => bytes.byteLength)),
        extractable: seal.result.map((key) => key.extractable),
      });
    };
  };
});
"""
STATES = "return Object.fromEntries([...document.querySelectorAll('#steps li')].map((li) => [li.dataset.step, li.dataset.state]));"
ROWS = "return [...document.querySelectorAll('#scores tr')].map((tr) => [tr.className, ...[...tr.cells].map((cell) => cell.textContent)]);"
SEEN = """
const canvas = document.getElementById("seen");
const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
return Array.from({ length: pixels.length / 4 }, (_, index) => pixels[4 * index]);
"""
SEVEN = [(0.28, 0.2), (0.5, 0.2), (0.74, 0.18), (0.6, 0.5), (0.46, 0.84)]
# the same with the keyboard's pen, which begins in the middle
SEVEN_OF_KEYS = ["Left"] * 6 + ["Up"] * 8 + [" "] + ["Right"] * 12 + ["Down", "Down", "Left"] * 8 + [" "]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--screenshots")
    args = parser.parse_args()
    with Browser() as browser:
        Session(browser, args.url, args.screenshots).all()
    print("the page works: drawn, asked, answered, reloaded, asked again with the same keys, forgotten")


class Session:
    def __init__(self, browser, url, screenshots):
        self.browser, self.url, self.screenshots = browser, url, screenshots
        if screenshots:
            os.makedirs(screenshots, exist_ok=True)

    def all(self):
        self.size(1200, 900)
        self.browser.open(self.url)
        self.is_open()
        self.shot("empty")
        evaluation = self.first_answer()
        self.browser.reload()
        self.is_open()
        self.second_answer(evaluation)
        self.samples()
        self.on_a_phone()
        self.values()
        self.lost_by_the_server(evaluation)
        self.forgotten()
        same("complaints of the browser", self.complaints(), [])

    def first_answer(self):
        """A drawn seven is read, and keys are made for it. Returns the hash of the evaluation key."""
        self.browser.draw("#pad", SEVEN)
        self.browser.click("#ask")
        until(lambda: self.states()["keys"] != "waiting", 30, "keys are made")
        self.shot("making")
        same("the answer", self.answer(), "It is a 7.")
        states = self.states()
        receipt = states.pop("receipt")
        assert receipt in ("done", "skipped"), f"the receipt: {receipt}"
        same("steps", set(states.values()), {"done"})
        rows = self.browser.run(ROWS)
        same("names of the scores", [row[1] for row in rows], list("0123456789"))
        same("the greatest score", [row[1] for row in rows if row[0] == "greatest"], ["7"])
        same("its value", max(float(row[3]) for row in rows), float(rows[7][3]))
        seen = self.browser.run(SEEN)
        assert len(set(seen)) > 200, f"{len(set(seen))} values of bytes are no ciphertext"
        kept = self.browser.run(KEPT)
        same("keys that Web Crypto would export", kept["extractable"], [False])
        same("bytes of nonces", [iv for iv, _ in kept["sealed"]], [12])
        same("the server has the key", self.status(kept["evaluation"][0]), 200)
        self.shot("answered")
        self.browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.shot("answered-dark")
        self.browser.devtools("Emulation.setEmulatedMedia", features=[])
        return kept["evaluation"][0]

    def second_answer(self, evaluation):
        """After a reload, a seven of the keyboard is read with the keys of before."""
        self.browser.run("document.getElementById('pad').focus();")
        self.browser.press(SEVEN_OF_KEYS)
        self.shot("keyboard")
        self.browser.press(["Tab"] * 4 + ["Enter"])
        same("the answer", self.answer(), "It is a 7.")
        states = self.states()
        same("keys and sending", (states["keys"], states["send"]), ("skipped", "skipped"))
        same("the evaluation key", self.browser.run(KEPT)["evaluation"], [evaluation])

    def samples(self):
        """Every sample digit is read as itself."""
        for digit in range(10):
            article = "an" if digit == 8 else "a"
            self.browser.run(
                "const pad = document.getElementById('sample'); pad.value = arguments[0]; pad.dispatchEvent(new Event('change'));",
                str(digit),
            )
            same("the old answer", self.browser.text("#answer"), "The answer will be here.")
            self.browser.click("#ask")
            same(f"the answer to the sample {digit}", self.answer(), f"It is {article} {digit}.")

    def on_a_phone(self):
        """Nothing is wider than a phone."""
        self.size(390, 844)
        width = self.browser.run("return [document.documentElement.scrollWidth, innerWidth];")
        assert width[0] <= width[1], f"{width[0]} pixels on a phone of {width[1]}"
        self.shot("phone")
        self.browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.shot("phone-dark")
        self.browser.devtools("Emulation.setEmulatedMedia", features=[])
        self.size(1200, 900)

    def values(self):
        """Values can be typed, and wrong ones are refused by what is wrong with them."""
        self.browser.run("document.querySelector('input[name=kind][value=type]').click();")
        fill = "const field = document.querySelector('#values textarea'); field.value = arguments[0];"
        self.browser.run(fill, "0 1")
        self.browser.click("#ask")
        same("the problem", self.browser.text("#problem"), "The network takes 784 values, but 2 are there.")
        self.shot("typed")
        self.browser.run(fill, " ".join("1" if 4 < index // 28 < 24 and index % 28 in (13, 14, 15) else "0" for index in range(784)))
        self.browser.click("#ask")
        same("the answer", self.answer(), "It is a 1.")
        same("the problem", self.browser.text("#problem"), "")
        self.browser.run("document.querySelector('input[name=kind][value=draw]').click();")

    def lost_by_the_server(self, evaluation):
        """A server that has lost the evaluation key gets another for the same secret keys."""
        request = urllib.request.Request(f"{self.url}/v1/keys/{evaluation}", method="DELETE")
        urllib.request.urlopen(request).close()
        self.browser.click("#clear")
        self.browser.draw("#pad", SEVEN)
        self.browser.click("#ask")
        same("the answer", self.answer(), "It is a 7.")
        same("the sending", self.states()["send"], "done")
        assert self.browser.run(KEPT)["evaluation"] != [evaluation], "the evaluation key is another"

    def forgotten(self):
        """Keys are forgotten, here and there."""
        [evaluation] = self.browser.run(KEPT)["evaluation"]
        self.browser.click("#forget")
        until(lambda: "forgotten" in self.browser.text("#status"), 30, "the page says that keys are forgotten")
        same("what is kept", self.browser.run(KEPT), {"evaluation": [], "sealed": [], "extractable": []})
        same("the server has the key", self.status(evaluation), 404)
        self.browser.reload()
        self.is_open()
        assert "no keys" in self.browser.text("#keys"), self.browser.text("#keys")

    def is_open(self):
        shown = "return !document.getElementById('main').hidden || !document.getElementById('problem').hidden;"
        until(lambda: self.browser.run(shown), 60, "the page is open")
        same("the problem", self.browser.text("#problem"), "")

    def answer(self):
        ended = "return document.getElementById('working').hidden;"
        until(lambda: self.browser.run(ended), 300, "the server answers")
        problem = self.browser.text("#problem")
        return self.browser.text("#answer") if problem == "" else problem

    def states(self):
        return self.browser.run(STATES)

    def status(self, evaluation):
        request = urllib.request.Request(f"{self.url}/v1/keys/{evaluation}", method="HEAD")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def complaints(self):
        # the browser lists every 404 as one, and a client that asks whether a key is there gets some
        return [text for text in self.browser.complaints() if "/v1/keys/" not in text]

    def size(self, width, height):
        self.browser.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def shot(self, name):
        if self.screenshots:
            self.browser.screenshot(os.path.join(self.screenshots, f"{name}.png"))


def same(what, found, expected):
    assert found == expected, f"{what}: {found!r}, but expected is {expected!r}"


main()
