from model.machine import Lapc, Vector
