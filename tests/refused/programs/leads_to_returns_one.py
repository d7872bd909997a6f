from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.on = True


@leads_to()
def served(s: Toy) -> bool:
    """Not a pair."""
    return s.on
