from __future__ import annotations

from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin: Pn) -> None:
        self.pin = pin
