"""What KVM_GET_SUPPORTED_CPUID says of the local APIC, VMMs that pass it on, and guests that act on it (mails.md S4).

A system of its own: one vCPU, no I/O APIC, no device interrupts; kernel designs cpuid_before and cpuid_overhaul.
"""
