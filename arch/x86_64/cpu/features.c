/* SPDX-License-Identifier: MIT */
/* CPUID, and the control registers that follow from it. Leaves: SDM vol. 2A, CPUID. */

#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/cpufeature.h>
#include <asm/fpu.h>
#include <asm/msr.h>
#include <asm/percpu.h>
#include <asm/processor.h>

struct cpu_features cpu_features;

/*
 * Places of stac() and clac(), also from NASM: .smap_fixups. Offset is relative to its own field.
 */
struct smap_fixup {
	s32 offset;
	u32 is_stac;
};
extern const struct smap_fixup __start_smap_fixups[], __stop_smap_fixups[];

static void read_vendor(struct cpu_features *f)
{
	u32 a, b, c, d;

	cpuid(0, 0, &a, &b, &c, &d);
	memcpy(f->vendor, &b, 4);
	memcpy(f->vendor + 4, &d, 4);
	memcpy(f->vendor + 8, &c, 4);
}

static void read_model(struct cpu_features *f, u32 max_ext)
{
	u32 regs[4];

	if (max_ext < 0x80000004)
		return;
	for (u32 i = 0; i < 3; i++) {
		cpuid(0x80000002 + i, 0, &regs[0], &regs[1], &regs[2], &regs[3]);
		memcpy(f->model + 16 * i, regs, 16);
	}
}

void cpu_detect(void)
{
	struct cpu_features *f = &cpu_features;
	u32 a, b, c, d, max, max_ext;

	cpuid(0, 0, &max, &b, &c, &d);
	cpuid(0x80000000, 0, &max_ext, &b, &c, &d);
	read_vendor(f);
	read_model(f, max_ext);
	cpuid(1, 0, &a, &b, &c, &d);
	f->tsc = d & BIT(4);
	f->mce = d & BIT(7);
	f->apic = d & BIT(9);
	f->pge = d & BIT(13);
	f->fxsr = d & BIT(24);
	f->x2apic = c & BIT(21);
	f->xsave = c & BIT(26);
	f->pcid = c & BIT(17) && f->pge; /* else INVLPG would leave kernel pages of other PCIDs */
	if (max >= 7) {
		cpuid(7, 0, &a, &b, &c, &d);
		f->smep = b & BIT(7);
		f->erms = b & BIT(9);
		f->invpcid = b & BIT(10);
		f->smap = b & BIT(20);
		f->umip = c & BIT(2);
	}
	cpuid(0x80000001, 0, &a, &b, &c, &d);
	f->syscall = d & BIT(11);
	f->nx = d & BIT(20);
	f->gbpages = d & BIT(26);
	f->rdtscp = d & BIT(27);
	f->phys_bits = 36;
	f->virt_bits = 48;
	if (max_ext >= 0x80000008) {
		cpuid(0x80000008, 0, &a, &b, &c, &d);
		f->phys_bits = a & 0xff;
		f->virt_bits = a >> 8 & 0xff;
	}
	if (!f->tsc || !f->apic || !f->fxsr || !f->syscall || !f->nx)
		boot_fail("this CPU (%s) lacks%s%s%s%s%s; use a newer CPU model (QEMU: -cpu max)",
			  f->model, f->tsc ? "" : " TSC", f->apic ? "" : " APIC",
			  f->fxsr ? "" : " FXSR", f->syscall ? "" : " SYSCALL", f->nx ? "" : " NX");
	fpu_detect();
}

/*
 * CLAC is 0f 01 ca, STAC 0f 01 cb. Kernel text is still writable: arch_paging_init() comes later.
 */
static void patch_smap(void)
{
	const struct smap_fixup *fix;

	for (fix = __start_smap_fixups; fix < __stop_smap_fixups; fix++) {
		u8 *insn = (u8 *)&fix->offset + fix->offset;

		insn[0] = 0x0f;
		insn[1] = 0x01;
		insn[2] = fix->is_stac ? 0xcb : 0xca;
	}
}

void cpu_init_control(void)
{
	const struct cpu_features *f = &cpu_features;
	unsigned long cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (f->pge)
		cr4 |= CR4_PGE;
	if (f->mce)
		cr4 |= CR4_MCE;
	if (f->smep)
		cr4 |= CR4_SMEP;
	if (f->umip)
		cr4 |= CR4_UMIP;
	if (f->smap)
		cr4 |= CR4_SMAP;
	if (f->xsave)
		cr4 |= CR4_OSXSAVE;
	if (f->pcid)
		cr4 |= CR4_PCIDE; /* CR3 names PCID 0 now, as it must (SDM vol. 3A 4.10.1) */
	wrmsr(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE);
	write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
	write_cr4(cr4);
	if (f->rdtscp)
		wrmsr(MSR_TSC_AUX, smp_processor_id());
	fpu_init_cpu();
}

void cpu_apply_features(void)
{
	const struct cpu_features *f = &cpu_features;

	if (f->smap)
		patch_smap();
	pr_info("cpu: %s, %u physical bits%s%s%s%s%s%s%s%s%s", f->model[0] ? f->model : f->vendor,
		f->phys_bits, f->smep ? ", SMEP" : "", f->smap ? ", SMAP" : "",
		f->umip ? ", UMIP" : "", f->gbpages ? ", 1 GiB pages" : "", f->erms ? ", ERMS" : "",
		f->pcid ? ", PCID" : "", f->x2apic ? ", x2APIC" : "", f->xsave ? ", XSAVE" : "",
		fpu_xfeatures & XFEATURE_AVX ? ", AVX" : "");
}
