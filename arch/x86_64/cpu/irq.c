/* SPDX-License-Identifier: MIT */
/* Who gets which interrupt vector, and the way from the vector to the handler. */

#include <asm/irq.h>

#include "arch/x86_64/boot/multiboot2.h"
#include "arch/x86_64/cpu/apic.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/entry/exceptions.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include <asm/page.h>

struct irq_vector {
	irq_handler_t fn; /* set last: a vector with fn is complete */
	void *arg;
	const char *name;
	const char *letters; /* the CPU's own interrupts have no line */
	unsigned int irq;    /* line, for request_irq()'s */
};

#define NO_LINE ~0u

DEFINE_PER_CPU(unsigned int, irq_depth);
static DEFINE_PER_CPU(unsigned long, irq_counts[NR_VECTORS]);

static DEFINE_SPINLOCK(irq_vectors_lock);
static struct irq_vector vectors[NR_VECTORS] = {
	/* irq_vectors_lock to change */
	[VECTOR_TIMER] = { .name = "Local timer interrupts", .letters = "LOC" },
	[VECTOR_RESCHEDULE] = { .name = "Rescheduling interrupts", .letters = "RES" },
	[VECTOR_CALL_FUNCTION] = { .name = "Function call interrupts", .letters = "CAL" },
};
static struct acpi_madt madt; /* constant after boot */

/* ACPI memory is below 4 GiB and read before arch_paging_init(), while all of that is mapped. */
static const void *map_low(u64 phys, size_t size)
{
	return phys && phys < GiB(4) && size <= GiB(4) - phys ? __va(phys) : NULL;
}

void acpi_init(const struct boot_info *info)
{
	const char *error;

	if (!info->rsdp_len)
		boot_fail(
			"the boot loader passed no ACPI root pointer; boot through GRUB, with ACPI on in the machine");
	if (acpi_read_madt(info->rsdp, info->rsdp_len, map_low, &madt, &error))
		boot_fail("ACPI: %s; the interrupt controllers cannot be found without it", error);
}

void interrupts_init(void)
{
	lapic_init(madt.lapic_address);
	ioapic_init(&madt);
	smp_prepare(&madt);
	pr_info("apic: %u CPU(s), %u I/O APIC(s), %u interrupt overrides", madt.nr_cpus,
		madt.nr_ioapics, madt.nr_overrides);
}

/* A free vector, filled in; 0: none. irq_vectors_lock held. */
static u8 take_vector(irq_handler_t fn, void *arg, const char *name, unsigned int irq)
{
	for (unsigned int v = VECTOR_DEVICE_FIRST; v <= VECTOR_DEVICE_LAST; v++) {
		if (vectors[v].fn)
			continue;
		vectors[v].arg = arg;
		vectors[v].name = name;
		vectors[v].irq = irq;
		__atomic_store_n(&vectors[v].fn, fn, __ATOMIC_RELEASE);
		return (u8)v;
	}
	return 0;
}

static bool line_taken(unsigned int irq)
{
	for (unsigned int v = VECTOR_DEVICE_FIRST; v <= VECTOR_DEVICE_LAST; v++)
		if (vectors[v].fn && vectors[v].irq == irq)
			return true;
	return false;
}

/* ISA lines are edge, active high, at the GSI of their number, unless the MADT says otherwise. */
static int route(unsigned int irq, u8 vector)
{
	for (unsigned int i = 0; i < madt.nr_overrides; i++) {
		const struct acpi_override *o = &madt.overrides[i];

		if (irq < 16 && o->source == irq)
			return ioapic_route(o->gsi, vector, lapic_id(), o->active_low, o->level);
	}
	return ioapic_route(irq, vector, lapic_id(), irq >= 16, irq >= 16);
}

int request_irq(unsigned int irq, irq_handler_t fn, void *arg, const char *name)
{
	unsigned long flags;
	u8 vector;
	int err = -ENOSPC;

	spin_lock_irqsave(&irq_vectors_lock, flags);
	if (line_taken(irq)) {
		err = -EBUSY;
	} else if ((vector = take_vector(fn, arg, name, irq)) != 0) {
		err = route(irq, vector);
		if (err)
			vectors[vector].fn = NULL;
	}
	spin_unlock_irqrestore(&irq_vectors_lock, flags);
	return err;
}

/* Message format: SDM vol. 3A 11.11. Fixed delivery, edge, physical destination. */
int alloc_msi_vector(irq_handler_t fn, void *arg, const char *name, u64 *msg_addr, u32 *msg_data)
{
	unsigned long flags;
	u8 vector;

	spin_lock_irqsave(&irq_vectors_lock, flags);
	vector = take_vector(fn, arg, name, NO_LINE);
	spin_unlock_irqrestore(&irq_vectors_lock, flags);
	if (!vector)
		return -ENOSPC;
	*msg_addr = 0xfee00000ULL | (u64)lapic_id() << 12;
	*msg_data = vector;
	return 0;
}

unsigned long irq_count(unsigned int vector, unsigned int cpu)
{
	return READ_ONCE(per_cpu(irq_counts, cpu)[vector]);
}

/* As on Linux: a line by its number, its own interrupts by three letters; a message by its vector. */
bool get_irq_name(unsigned int vector, struct irq_name *name)
{
	const struct irq_vector *v = &vectors[vector];

	if (!v->name)
		return false;
	name->what = v->name;
	if (v->letters)
		strlcpy(name->number, v->letters, sizeof(name->number));
	else
		snprintf(name->number, sizeof(name->number), "%u",
			 v->irq == NO_LINE ? vector : v->irq);
	return true;
}

/* From common_interrupt, interrupts off. */
void do_IRQ(struct pt_regs *regs)
{
	unsigned int vector = (unsigned int)~regs->orig_ax & 255;
	irq_handler_t fn = __atomic_load_n(&vectors[vector].fn, __ATOMIC_ACQUIRE);

	this_cpu_inc(irq_counts[vector]);
	if (vector == VECTOR_SPURIOUS || vector < VECTOR_DEVICE_FIRST)
		/* no handler ran for it in the controller either: no EOI (SDM vol. 3A 11.9) */
		return;
	this_cpu_inc(irq_depth);
	switch (vector) {
	case VECTOR_TIMER:
		lapic_eoi();
		tick(regs);
		break;
	case VECTOR_CALL_FUNCTION:
		lapic_eoi();
		smp_handle_calls();
		break;
	case VECTOR_RESCHEDULE: /* that it came is all: the way out looks at need_resched() */
		lapic_eoi();
		break;
	default:
		if (fn)
			fn(vectors[vector].arg);
		lapic_eoi();
	}
	this_cpu_dec(irq_depth);
}
