"""The two stories that the README shows."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "docs/argument.md").read_text()
STORM = re.findall(r"^no_storm: VIOLATED.*?(?=^```)", README, re.M | re.S)[0]  # 8 steps and a loop of 5, which has bars
LOST = re.findall(r"^no_eoi_lost: VIOLATED.*?(?=^```)", README, re.M | re.S)[0]


def old(text: str) -> str:
    """Stories as they were told before there was a Replay line."""
    return re.sub(r"^((?:> )*)Replay: eoi1.*\n(?:\1 +.*\n)*", "", text, flags=re.M)


ALL_13 = "REPRODUCED: all 13 steps run in CPython, and no_storm is VIOLATED\n"
OF_OLD = "There is no Replay line, as in old stories: the run was read out of the picture.\n"
