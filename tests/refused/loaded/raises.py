from model.designs.base import Base

SLOTS = {"eoi": 1}["scan"]


class Mine(Base):
    """Never reached."""
