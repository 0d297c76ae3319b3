"""`fhe-nn serve`, in a folder of its own."""

import os
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.request

from webdriver import free_port, until

ROOT = pathlib.Path(__file__).parents[3]


class Service:
    """A service of models of this repository, which shows a page. A context manager."""

    def __init__(self, program, page, models):
        self.program, self.page = os.path.abspath(program), page
        self.models = [f"{name}={ROOT / path}" for name, path in models.items()]

    def __enter__(self):
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.folder = tempfile.TemporaryDirectory(prefix="fhe-nn-serve-")
        self.data = os.path.join(self.folder.name, "data")
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        command = [self.program, "serve", *self.models, "--page", self.page, "--listen", address, "--data", self.data]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        until(lambda: self.process.poll() is not None or self.is_ready(), 60, "the server is ready")
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait(60)
        if kind:
            self.log.seek(0)
            print(self.log.read())
        self.log.close()
        self.folder.cleanup()

    def is_ready(self):
        try:
            return self.status("GET", "/readyz") == 200
        except urllib.error.URLError:
            return False

    def key_status(self, evaluation):
        """Returns the status with which the server says whether it has an evaluation key."""
        return self.status("HEAD", f"/v1/keys/{evaluation}")

    def delete_key(self, evaluation):
        assert self.status("DELETE", f"/v1/keys/{evaluation}") == 204

    def new_token(self, tenant):
        """Makes a token, from which on the server asks for one."""
        return self.runs(["token", "new", tenant, "--data", self.data]).strip()

    def has_file(self, name):
        return os.path.exists(os.path.join(self.folder.name, name))

    def runs(self, arguments):
        """Runs the program in the folder, and returns what it prints."""
        command = [self.program, *arguments]
        return subprocess.run(command, cwd=self.folder.name, check=True, stdout=subprocess.PIPE, text=True).stdout

    def status(self, method, path):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method)) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
