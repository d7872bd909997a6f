
--- a/arch/x86/kvm/lapic.c
+++ b/arch/x86/kvm/lapic.c
@@ -1,2 +1,3 @@ static void f(struct kvm_lapic *apic)
 	int x;
+	return;
