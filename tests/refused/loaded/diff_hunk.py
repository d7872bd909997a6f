@@ -1,2 +1,3 @@ static void f(struct kvm_lapic *apic)
 	int x;
+	return;
