from abc import abstractmethod

from tests.rigs.header import *


class Base(Box):
    @abstractmethod
    def send(self, pin: Pin) -> None:
        """Another role provides it."""


class Toy(Base):
    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.send(pin)
