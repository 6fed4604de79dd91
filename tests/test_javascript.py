"""The scripts of the page under node's own test runner."""

import json
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from dicomview.widgets.deflate import compressed

FOLDER = Path(__file__).parent / "javascript"
STAGE = Path(__file__).parents[1] / "dicomview" / "widgets" / "stage.js"
#: Reads images that the kernel compressed, and writes their values.
UNPACK = """
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
const source = readFileSync(process.argv[1]).toString("base64");
const { unpacked, restored } = await import(`data:text/javascript;base64,${source}`);
const images = JSON.parse(readFileSync(0, "utf8"));
const values = images.map(({ data, ...rows }) => {
  const bytes = new Uint8Array(inflateSync(Buffer.from(data, "base64")));
  return [...restored(unpacked(bytes, rows.type, "planes"), rows)];
});
console.log(JSON.stringify(values));
"""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


@needs_node
def test_scripts_of_the_page():
    done = subprocess.run(["node", "--test", str(FOLDER)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "\n# pass 0\n" not in done.stdout


def smooth(kind: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a ramp from end to end of a type, with a little noise and jumps as high as the type allows."""
    low, high = (int(end) for end in (np.iinfo(kind).min, np.iinfo(kind).max))
    rng = np.random.default_rng(0)
    rows, columns, channels = shape
    ramp = np.add.outer(np.linspace(low, high, rows), np.arange(columns)[:, None] * np.ones(channels))
    made = np.clip(ramp + rng.integers(-3, 4, shape), low, high).astype(kind)
    made[rows // 3, columns // 2 :], made[rows // 2, : columns // 2] = low, high
    return made


@needs_node
def test_the_page_restores_what_the_kernel_compresses():
    kinds = ["int8", "uint8", "int16", "uint16", "int32", "uint32"]
    images = [
        smooth(kind, shape) for kind in kinds for shape in [(300, 40, 1), (90, 70, 3), (1, 9, 1), (9, 1, 1)]
    ]
    images += [np.random.default_rng(1).integers(0, 4096, (60, 60, 1)).astype("uint16")]
    sent, differ = [], []
    for image in images:
        data, differs = compressed(image)
        differ.append(differs)
        told = {"type": image.dtype.name, "width": image.shape[1], "channels": image.shape[2]}
        sent.append({**told, "differs": differs, "data": b64encode(data).decode()})
    command = ["node", "--input-type=module", "-e", UNPACK, str(STAGE)]
    done = subprocess.run(command, input=json.dumps(sent), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for image, values in zip(images, json.loads(done.stdout)):
        assert values == image.reshape(-1).tolist(), (image.dtype, image.shape)
    assert differ[8] and differ[9] and differ[12] and not any(differ[16:]), "of 16 bits, and no noise"
