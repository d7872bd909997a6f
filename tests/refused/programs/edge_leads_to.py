from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.on = True


@leads_to()
def served(before: Toy, s: Toy) -> tuple[bool, bool]:
    """Of steps."""
    return before.on, s.on
