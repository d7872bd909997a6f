"""What the machine is: Linux KVM, VMMs, guests and devices as plain Python (standard library only)."""
