"""Takes the pictures of the page that docs/ has, in a headless Chromium, in as few colours as do. Look at them!

python -m tests.refill_shots PAGE.html, of `eoi report v1 -o PAGE.html` (needs chromium and imagemagick)
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.rigs.browser import browser

DOCS = Path(__file__).resolve().parent.parent / "docs"
# name: what to scroll to, width, height, dark
SHOTS = {
    "report_matrix": ("#cells", 1600, 1000, False),
    "report_story": ("#viewer", 1600, 1000, True),
    "report_phone": ("#viewer", 375, 780, False),
}


def main(page_file: Path) -> None:
    with browser() as found:
        for name, (place, width, height, dark) in SHOTS.items():
            context = found.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
            )  # fmt: skip
            page = context.new_page()
            page.goto(page_file.resolve().as_uri())
            page.locator(place).evaluate("one => one.scrollIntoView()")
            taken = DOCS / f"{name}.png"
            page.screenshot(path=str(taken))
            subprocess.run(["convert", str(taken), "+dither", "-colors", "96", f"PNG8:{taken}"], check=True)
            context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
