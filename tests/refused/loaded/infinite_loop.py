from model.designs.base import Base

n = 0
while True:
    n += 1


class Mine(Base):
    """Never reached."""
