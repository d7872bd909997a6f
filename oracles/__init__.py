"""What the real thing does: the model runs in lock-step with the running kernel's KVM and with a real QEMU."""
