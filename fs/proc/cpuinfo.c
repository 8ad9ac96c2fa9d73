/* SPDX-License-Identifier: MIT */
/*
 * /proc/cpuinfo. Each CPU is one package of one core, and all are alike. The names of features are
 * Linux's; what a CPU has is asked by CPUID (SDM vol. 2A; AMD APM vol. 3 for leaves from 0x80000000),
 * but for five levels of page tables, which are not used.
 */
#include "fs/proc/proc.h"
#include "lib/util.h"
#include <asm/cpufeature.h>
#include <asm/percpu.h>
#include <asm/processor.h>

enum { EAX, EBX, ECX, EDX };

/* Names by bit, from bit 0 on; "-" has none. In the order in which Linux shows the registers. */
static const struct {
	u32 leaf, sub, reg;
	const char *names;
} registers[] = {
	{ 1, 0, EDX,
	  "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi "
	  "mmx fxsr sse sse2 ss ht tm ia64 pbe" },
	/* of this leaf, what is not in the one before */
	{ 0x80000001, 0, EDX,
	  "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
	  "3dnowext 3dnow" },
	{ 1, 0, ECX,
	  "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca "
	  "sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor" },
	{ 0x80000001, 0, ECX,
	  "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit "
	  "wdt - lwp fma4 tce - nodeid_msr - tbm topoext" },
	{ 7, 0, EBX,
	  "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq "
	  "rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw "
	  "avx512vl" },
	{ 0xd, 1, EAX, "xsaveopt xsavec xgetbv1 xsaves" },
	{ 7, 0, ECX,
	  "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg "
	  "tme avx512_vpopcntdq - - - - - - - rdpid" },
	{ 7, 0, EDX, "- - - - fsrm" },
};

static u32 leaf(u32 number, u32 sub, u32 reg)
{
	u32 r[4], max;

	cpuid(number & 0x80000000, 0, &max, &r[EBX], &r[ECX], &r[EDX]);
	if (number > max)
		return 0;
	cpuid(number, sub, &r[EAX], &r[EBX], &r[ECX], &r[EDX]);
	return r[reg];
}

static void show_names(struct seq_buf *m, u32 bits, const char *names)
{
	for (; *names; bits >>= 1) {
		const char *end = names;

		while (*end && *end != ' ')
			end++;
		if (bits & 1 && *names != '-') {
			seq_putc(m, ' ');
			seq_write(m, names, (size_t)(end - names));
		}
		names = *end ? end + 1 : end;
	}
}

static void show_flags(struct seq_buf *m)
{
	seq_puts(m, "flags\t\t:");
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		show_names(m, leaf(registers[i].leaf, registers[i].sub, registers[i].reg),
			   registers[i].names);
	seq_putc(m, '\n');
}

static void show_identity(struct seq_buf *m)
{
	u32 id = leaf(1, 0, EAX), family = id >> 8 & 15, model = id >> 4 & 15;

	if (family == 15)
		family += id >> 20 & 0xff;
	if (family >= 6)
		model += (id >> 16 & 15) << 4;
	seq_printf(m, "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n",
		   cpu_features.vendor, family, model, cpu_features.model);
	seq_printf(m, "stepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n", id & 15, tsc_khz / 1000,
		   tsc_khz % 1000);
	if (leaf(0x80000006, 0, ECX) >> 16)
		seq_printf(m, "cache size\t: %u KB\n", leaf(0x80000006, 0, ECX) >> 16);
}

int proc_show_cpuinfo(struct seq_buf *m, void *arg)
{
	u32 line = (leaf(1, 0, EBX) >> 8 & 0xff) * 8;
	unsigned int cpu;

	(void)arg;
	for_each_cpu(cpu) {
		seq_printf(m, "processor\t: %u\n", cpu);
		show_identity(m);
		seq_printf(m, "physical id\t: %u\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n",
			   cpu);
		seq_printf(m,
			   "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
			   leaf(0, 0, EAX));
		show_flags(m);
		/* Twice the MHz: what the loop that Linux once timed would give. */
		seq_printf(m, "bogomips\t: %lu.%02lu\n", tsc_khz / 500, tsc_khz / 5 % 100);
		seq_printf(m, "clflush size\t: %u\ncache_alignment\t: %u\n", line, line);
		seq_printf(
			m,
			"address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
			cpu_features.phys_bits, min(cpu_features.virt_bits, (u8)48));
	}
	return 0;
}
