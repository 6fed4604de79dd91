"""Orthanc: a real DICOMweb server on loopback, without the service that Debian sets up."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

PROGRAM = shutil.which("Orthanc")
PLUGINS = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "canary-user", "canary-pass/word"


class Orthanc:
    """A server that runs as long as it is not stopped."""

    def __init__(self, folder, series=()):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folder.mkdir(exist_ok=True)
        config = {
            "Name": "test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [str(PLUGINS)],
            "HttpPort": self.port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        (folder / "orthanc.json").write_text(json.dumps(config))
        self.log = (folder / "log.txt").open("wb")
        self.process = subprocess.Popen([PROGRAM, folder / "orthanc.json"], stdout=self.log, stderr=self.log)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._wait(folder)
        for path in series:
            for file in sorted(Path(path).rglob("*.dcm")):
                self.ask("instances", file.read_bytes())

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def ask(self, path, data=None, method=None):
        """Ask Orthanc itself, which is not through DICOMweb."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, method=method)
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        with self._opener.open(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def _wait(self, folder):
        end = time.monotonic() + 30
        while True:
            try:
                self.ask("system")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise RuntimeError((folder / "log.txt").read_text()) from None
                time.sleep(0.1)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
