"""Canvas 2D against WebGL2 in headless Chromium: three panes of new slices, ms of the page's time a frame."""

import sys
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "browser"))

import serving  # noqa: E402

STAGE = HERE.parents[1] / "dicomview" / "widgets" / "stage.js"
LOAD = """async ([paint, stage, frames]) => {
    const load = text => import(URL.createObjectURL(new Blob([text], {type: 'text/javascript'})));
    return (await load(paint)).compare(await load(stage), frames);
}"""
SOFTWARE = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def main() -> None:
    """Measure and print."""
    with sync_playwright() as playwright:
        args = [one for one in serving.CHROMIUM_ARGS if one != "--disable-gpu"] + SOFTWARE
        chromium = playwright.chromium.launch(executable_path=serving.find_chromium(), args=args)
        page = chromium.new_page()
        texts = [(HERE / "paint.js").read_text("utf-8"), STAGE.read_text("utf-8")]
        times = page.evaluate(LOAD, [*texts, 65])
        chromium.close()
    for name, all_of_them in times.items():
        if all_of_them:
            print(f"{name:10} {median(all_of_them):6.1f} ms a frame, at least {min(all_of_them):.1f}")
        else:
            print(f"{name:10} is not there")


if __name__ == "__main__":
    main()
