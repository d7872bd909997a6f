"""Historical bugs (kvm.md section 6): each `mutant_*` is the model with one fix removed; its patch's base has the fix.

What the base model lacks and a bug needs (posted interrupts, AVIC, ack notifiers) is a class of model/features.
"""
