from tests.rigs.header import *


class Toy(Box):
    def ready(self) -> bool:
        return self.pin != 2

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        require(self.ready())
        self.pin = pin


@reachable()
def ready(s: Toy) -> bool:
    """Not what Toy.ready() says."""
    return not s.ready() and s.pin == 2
