from tests.rigs.header import *


class Base(Box):
    def reset(self) -> None:
        pass

    def initial(self) -> None:
        self.reset()

    @step(by="guest")
    def go(self) -> None:
        self.reset()


class Toy(Base):
    patch = Patch("reset only what is off")

    def reset(self) -> None:
        require(not self.on)
