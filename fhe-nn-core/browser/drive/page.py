"""Uses the page of `fhe-nn serve` as a person does, in Chromium: draws, asks, reads, reloads, and forgets the keys.

usage: page.py PROGRAM PAGE [--screenshots FOLDER]

PROGRAM is `fhe-nn`, and PAGE the folder that `build` made. Chromium and ChromeDriver are those on the path.
"""

import argparse
import os

from scripts import FORGING, IMAGES, KEPT, REFUSING, ROWS, SEEN, STATES
from service import Service
from webdriver import Browser, until

MODELS = {"digits": "examples/data/digits.quantized.safetensors", "majority": "tests/formats/model.v3"}

SEVEN = [(0.28, 0.2), (0.5, 0.2), (0.74, 0.18), (0.6, 0.5), (0.46, 0.84)]
# the same with the keyboard's pen, which begins in the middle
SEVEN_OF_KEYS = ["Left"] * 6 + ["Up"] * 8 + [" "] + ["Right"] * 12 + ["Down", "Down", "Left"] * 8 + [" "]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("page")
    parser.add_argument("--screenshots")
    args = parser.parse_args()
    with Service(args.program, args.page, MODELS) as service, Browser() as browser:
        Session(browser, service, args.screenshots).all()
    print("the page works: drawn, asked, answered, reloaded, asked again with the same keys, forgotten")


class Session:
    def __init__(self, browser, service, screenshots):
        self.browser, self.service, self.screenshots = browser, service, screenshots
        if screenshots:
            os.makedirs(screenshots, exist_ok=True)

    def all(self):
        self.size(1200, 900)
        self.browser.open(self.service.url)
        self.is_open()
        self.shot("empty")
        self.centred()
        evaluation = self.first_answer()
        self.reopened()
        self.second_answer(evaluation)
        self.samples()
        self.on_a_phone()
        self.values()
        self.refused()
        self.forged("replies", "The receipt has another hash of the replies.")
        self.forged("signature", "The signature of the receipt is not the server's.")
        self.lost_by_the_server(evaluation)
        self.another_model()
        self.forgotten()
        same("complaints of the browser", self.complaints(), [])
        self.asks_for_a_token()

    def centred(self):
        """An image has the ink of a drawing where MNIST has it, wherever it is drawn and however large."""
        images = self.browser.run(IMAGES, SEVEN)
        for image in images:
            assert max(abs(one - other) for one, other in zip(image, images[0])) < 1e-4, "another image"
        places = {"columns": [index % 28 for index in range(784)], "rows": [index // 28 for index in range(784)]}
        for what, place in places.items():
            mean = sum(ink * at for ink, at in zip(images[0], place)) / sum(images[0])
            assert abs(mean - 14) < 0.05, f"the mean of the {what} is {mean}"
            inked = {at for ink, at in zip(images[0], place) if ink > 0}
            assert max(inked) - min(inked) < 21, f"ink in {len(inked)} {what}"

    def first_answer(self):
        """A drawn seven is read, and keys are made for it. Returns the hash of the evaluation key."""
        self.browser.draw("#pad", SEVEN)
        self.stopped()
        self.browser.click("#ask")
        until(lambda: self.states()["keys"] != "waiting", 30, "keys are made")
        self.shot("making")
        same("the answer", self.answer(), "It is a 7.")
        same("steps", set(self.states().values()), {"done"})
        rows = self.browser.run(ROWS)
        same("names of the scores", [row[1] for row in rows], list("0123456789"))
        same("the greatest score", [row[1] for row in rows if row[0] == "greatest"], ["7"])
        same("its value", max(float(row[3]) for row in rows), float(rows[7][3]))
        seen = self.browser.run(SEEN)
        assert len(set(seen)) > 200, f"{len(set(seen))} values of bytes are no ciphertext"
        kept = self.browser.run(KEPT)
        same("keys that Web Crypto would export", kept["extractable"], [False])
        same("bytes of nonces", [iv for iv, _ in kept["sealed"]], [12])
        same("the server has the key", self.service.key_status(kept["evaluation"][0]), 200)
        self.proven()
        self.shot("answered")
        self.browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.shot("answered-dark")
        self.browser.devtools("Emulation.setEmulatedMedia", features=[])
        return kept["evaluation"][0]

    def proven(self):
        """A receipt can be kept, and `fhe-nn verify` finds it right by the command that the page shows."""
        self.browser.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=self.service.folder.name)
        self.browser.click("#proof summary")
        for what, file in [("receipt", "receipt.json"), ("requests", "requests"), ("replies", "replies")]:
            self.browser.click(f"#proof-{what}")
            until(lambda: self.service.has_file(file), 30, f"{file} is saved")
        program, *command = self.browser.text("#proof-command").split()
        same("the program", program, "fhe-nn")
        self.service.runs(command)

    def stopped(self):
        """What is being done can be stopped, and leaves nothing."""
        self.browser.click("#ask")
        until(lambda: self.states()["keys"] == "running", 30, "keys are made")
        self.browser.click("#stop")
        until(lambda: self.browser.text("#status") == "It was stopped.", 30, "the page says that it was stopped")
        same("kept keys", self.browser.run(KEPT)["evaluation"], [])

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

    def refused(self):
        """A server that has too much to do is asked again, and one that does not wait is asked for the answer."""
        self.browser.run(REFUSING)
        self.browser.click("#ask")
        same("the answer", self.answer(), "It is a 9.")
        same("calls", self.browser.run("return window.asked;"), 3)
        self.reopened()

    def forged(self, what, problem):
        """A receipt that is not right is a problem, and no answer is shown."""
        self.browser.draw("#pad", SEVEN)
        self.browser.run(FORGING, what)
        self.browser.click("#ask")
        same("the problem", self.answer(), problem)
        same("the answer", self.browser.text("#answer"), "The answer will be here.")
        self.reopened()

    def another_model(self):
        """A network that reads no digits has a form, with keys of its own."""
        self.browser.run("const models = document.getElementById('model'); models.value = 'majority'; models.dispatchEvent(new Event('change'));")
        until(lambda: "Majority" in self.browser.text("#title"), 60, "the other model is shown")
        self.browser.run("document.querySelectorAll('#values input').forEach((field, place) => { field.value = [1, 0, 1][place]; });")
        self.browser.click("#ask")
        same("the answer", self.answer(), "The output is 1.000.")
        same("keys", len(self.browser.run(KEPT)["evaluation"]), 2)
        self.shot("form")

    def lost_by_the_server(self, evaluation):
        """A server that has lost the evaluation key gets another for the same secret keys."""
        self.service.delete_key(evaluation)
        self.browser.click("#clear")
        self.browser.draw("#pad", SEVEN)
        self.browser.click("#ask")
        same("the answer", self.answer(), "It is a 7.")
        same("the sending", self.states()["send"], "done")
        assert self.browser.run(KEPT)["evaluation"] != [evaluation], "the evaluation key is another"

    def forgotten(self):
        """Keys are forgotten, here and there."""
        evaluations = self.browser.run(KEPT)["evaluation"]
        self.browser.click("#forget")
        until(lambda: "forgotten" in self.browser.text("#status"), 30, "the page says that keys are forgotten")
        same("what is kept", self.browser.run(KEPT), {"evaluation": [], "sealed": [], "extractable": []})
        for evaluation in evaluations:
            same("the server has the key", self.service.key_status(evaluation), 404)
        self.reopened()
        assert "no keys" in self.browser.text("#keys"), self.browser.text("#keys")

    def asks_for_a_token(self):
        """A server that has tokens is told one, and a wrong one is not enough."""
        token = self.service.new_token("somebody")
        until(lambda: self.service.key_status("0" * 64) == 401, 30, "the server asks for a token")
        self.browser.reload()
        shown = "return !document.getElementById('token-form').hidden;"
        until(lambda: self.browser.run(shown), 30, "the page asks for a token")
        self.shot("token")
        for text, opens in [("fhenn_" + "0" * 64, False), (token, True)]:
            self.browser.click("#token")
            self.browser.press([*text, "Enter"])
            until(lambda: self.browser.run("return document.getElementById('working').hidden;"), 30, "the server answers")
            same("the page is open", self.browser.run("return !document.getElementById('main').hidden;"), opens)
        same("the problem", self.browser.text("#problem"), "")

    def reopened(self):
        self.browser.reload()
        self.is_open()

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
