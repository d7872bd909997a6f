"""Lock-step with the running kernel: /dev/kvm through ioctls."""
