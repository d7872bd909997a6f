from model.designs.base import Base

BASE = Base
