"""One real Jupyter server for JupyterLab and Notebook 7, and the Chromium that is installed."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60.0

# What would otherwise pop up, phone home or write files while a test looks at the page.
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {
        "autosave": False,
        "confirmClosingDocument": False,
        "renameUntitledFileOnSave": False,
    },
}
CONFIG: dict[str, dict[str, Any]] = {
    "jupyter_server_config.json": {
        "ServerApp": {
            "jpserver_extensions": {"jupyterlab": True, "notebook": True, "notebook_shim": True},
            "open_browser": False,
            "port_retries": 0,
            "quit_button": False,
            "terminals_enabled": False,
        },
    },
    "jupyter_lab_config.json": {
        "LabApp": {
            "expose_app_in_browser": True,
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly",
        },
    },
    "jupyter_notebook_config.json": {"JupyterNotebookApp": {"expose_app_in_browser": True}},
}


@dataclass
class JupyterServer:
    """A running Jupyter server that answers for JupyterLab and Notebook alike."""

    url: str
    token: str
    root: Path
    settings_dir: Path
    log: Path

    def request(self, method: str, path: str, timeout: float = 20.0) -> Any:
        """Call the REST interface and return the decoded answer (None when it is empty)."""
        headers = {"Authorization": f"token {self.token}"}
        call = urllib.request.Request(f"{self.url}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def write_settings(self, plugin: str, settings: dict[str, Any]) -> None:
        """Set the user settings of one front-end plugin, as in ``@jupyterlab/notebook-extension:tracker``."""
        package, name = plugin.split(":")
        path = self.settings_dir / package / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")

    def shut_down_kernels(self, notebook: str | None = None) -> None:
        """End all sessions with their kernels, or that of a notebook; one that is gone already is fine."""
        for item in self.request("GET", "api/sessions"):
            if notebook not in (None, item["path"]):
                continue
            try:
                self.request("DELETE", f"api/sessions/{item['id']}")
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 404:
                        raise


def find_chromium() -> str | None:
    """Return the path of the Chromium to drive; None where there is none."""
    names = (os.environ.get("DICOMVIEW_CHROMIUM"), *CHROMIUM_NAMES)
    return next((path for name in names if name and (path := shutil.which(name))), None)


@contextmanager
def running_server(home: Path, log_path: Path, *options: str) -> Iterator[JupyterServer]:
    """Run a server (/lab, /doc; /tree, /notebooks) that keeps its files in an empty folder."""
    for name in ("config", "data", "runtime", "ipython", "workspaces", "root"):
        (home / name).mkdir()
    for name, content in CONFIG.items():
        (home / "config" / name).write_text(json.dumps(content), encoding="utf-8")
    (home / "matplotlibrc").write_text("", encoding="utf-8")

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = JupyterServer(
        url=f"http://127.0.0.1:{port}",
        token=secrets.token_hex(16),
        root=home / "root",
        settings_dir=home / "config" / "lab" / "user-settings",
        log=log_path,
    )
    for plugin, settings in SETTINGS.items():
        server.write_settings(plugin, settings)

    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--allow-root",
                "--no-browser",
                "--ServerApp.ip=127.0.0.1",
                f"--ServerApp.port={port}",
                f"--ServerApp.root_dir={server.root}",
                f"--IdentityProvider.token={server.token}",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(home),
            cwd=server.root,
        )
        try:
            _wait_for_server(server, process)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)


def environment(home: Path) -> dict[str, str]:
    """Return this process's environment without the user's Jupyter, IPython and matplotlib settings."""
    prefixes = ("JUPYTER", "IPYTHON", "MPLBACKEND", "MATPLOTLIBRC", "PYTHONWARNINGS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return env | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "MATPLOTLIBRC": str(home / "matplotlibrc"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }


def _wait_for_server(server: JupyterServer, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, or fail with the end of its log."""
    end = time.monotonic() + START_SECONDS
    while True:
        with suppress(urllib.error.URLError, OSError):
            server.request("GET", "api/status", timeout=5)
            return
        if process.poll() is not None or time.monotonic() > end:
            tail = server.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            state = f"ended with code {process.returncode}" if process.returncode is not None else "is silent"
            raise RuntimeError(f"the Jupyter server {state}:\n{tail}")
        time.sleep(0.1)
