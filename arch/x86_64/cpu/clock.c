/* SPDX-License-Identifier: MIT */
/*
 * What time it is. The time-stamp counter runs all the time at one rate; the PIT (8254), whose rate is
 * known, tells that rate at boot, and interrupts between ticks later; the CMOS clock tells the date.
 */

#include "arch/x86_64/cpu/cpu.h"
#include "kernel/core/printk.h"
#include "kernel/core/time.h"
#include "lib/util.h"
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/irq.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/percpu.h>
#include <asm/processor.h>
#include <asm/vdso.h>

#define PIT_HZ 1193182u
#define PIT_IRQ 0
#define PIT_CHANNEL0 0x40
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_CMD_CH0_MODE0 0x30
#define PIT_CMD_CH2_MODE0 \
	0xb0 /* channel 2, both bytes, mode 0: output rises at zero (8254 data sheet) */
#define PORT_B 0x61
#define PORT_B_GATE2 0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT2 0x20

#define CALIBRATE_US 5000u
#define CALIBRATE_TRIES 20

/* What the TSC means is told there, to programs too. */
union vdso_page vdso_page __aligned(PAGE_SIZE);
static u64 boot_wall; /* constant after clock_init() */
/* The boot CPU's TSC minus this CPU's. Constant once the CPU runs. */
static DEFINE_PER_CPU(u64, tsc_adjust);
/* Some adjustment is not 0, and so only as good as it could be measured. */
static bool clocks_differ;

/* Busy-wait on the PIT for about @us microseconds, at most 50000: calibration only. */
static void pit_wait_start(unsigned int us)
{
	u32 count = (u32)((u64)PIT_HZ * us / 1000000);

	outb(PORT_B, (u8)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2));
	outb(PIT_COMMAND, PIT_CMD_CH2_MODE0);
	outb(PIT_CHANNEL2, (u8)count);
	outb(PIT_CHANNEL2, (u8)(count >> 8));
}

static bool pit_wait_done(void)
{
	return inb(PORT_B) & PORT_B_OUT2;
}

/*
 * TSC ticks in CALIBRATE_US. A host that takes the CPU away for a while makes it only longer, so that
 * the least is best; two that agree to 1 % were not disturbed.
 */
static u64 measure_tsc(void)
{
	u64 best = ~0ULL;
	bool agree = false;

	for (int i = 0; i < CALIBRATE_TRIES && !agree; i++) {
		u64 start, ticks;

		pit_wait_start(CALIBRATE_US);
		start = rdtsc();
		while (!pit_wait_done())
			;
		ticks = rdtsc() - start;
		agree = max(ticks, best) - min(ticks, best) < best / 128;
		best = min(best, ticks);
	}
	return max(best, 1000ULL);
}

static u8 cmos_read(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

/* CMOS registers of the clock (MC146818 data sheet). */
enum {
	RTC_SECONDS = 0,
	RTC_MINUTES = 2,
	RTC_HOURS = 4,
	RTC_DAY = 7,
	RTC_MONTH = 8,
	RTC_YEAR = 9,
	RTC_A = 10,
	RTC_B = 11,
	RTC_CENTURY = 0x32
};
#define RTC_A_UPDATING 0x80
#define RTC_B_BINARY 0x04
#define RTC_B_24H 0x02

struct rtc {
	u8 second, minute, hour, day, month, year, century;
};

static struct rtc rtc_read(void)
{
	/*
	 * An update takes 2 ms at most; where there is no such clock, the bit may stay set for
	 * ever.
	 */
	for (int i = 0; i < 10000 && (cmos_read(RTC_A) & RTC_A_UPDATING); i++)
		;
	return (struct rtc){
		cmos_read(RTC_SECONDS), cmos_read(RTC_MINUTES), cmos_read(RTC_HOURS),
		cmos_read(RTC_DAY),     cmos_read(RTC_MONTH),   cmos_read(RTC_YEAR),
		cmos_read(RTC_CENTURY),
	};
}

static bool rtc_same(const struct rtc *a, const struct rtc *b)
{
	return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
	       a->day == b->day && a->month == b->month && a->year == b->year;
}

static unsigned int from_bcd(u8 v)
{
	return (v >> 4) * 10u + (v & 15);
}

/*
 * Days from 1970-01-01 to a date of the Gregorian calendar, year >= 1970. Years begin in March
 * here.
 */
static u64 days_since_1970(unsigned int year, unsigned int month, unsigned int day)
{
	unsigned int y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return 365ULL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static u64 rtc_to_seconds(const struct rtc *rtc, u8 reg_b)
{
	bool bcd = !(reg_b & RTC_B_BINARY), pm = !(reg_b & RTC_B_24H) && (rtc->hour & 0x80);
	u8 raw_hour = rtc->hour & 0x7f;
	unsigned int century = from_bcd(rtc->century); /* QEMU and PCs: BCD in either mode */
	unsigned int year = bcd ? from_bcd(rtc->year) : rtc->year;
	unsigned int month = bcd ? from_bcd(rtc->month) : rtc->month;
	unsigned int day = bcd ? from_bcd(rtc->day) : rtc->day;
	unsigned int hour = bcd ? from_bcd(raw_hour) : raw_hour;
	unsigned int minute = bcd ? from_bcd(rtc->minute) : rtc->minute;
	unsigned int second = bcd ? from_bcd(rtc->second) : rtc->second;

	if (!(reg_b & RTC_B_24H))
		hour = hour % 12 + (pm ? 12 : 0);
	year += 100 * (century >= 19 && century <= 29 ? century : 20);
	return ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

/* Read until two readings agree, so that none was torn by an update. */
static u64 read_wall_clock(void)
{
	struct rtc a = rtc_read(), b = rtc_read();

	for (int i = 0; i < 10 && !rtc_same(&a, &b); i++) {
		a = b;
		b = rtc_read();
	}
	return rtc_to_seconds(&b, cmos_read(RTC_B));
}

unsigned long tsc_khz;

void clock_init(void)
{
	u64 ticks = measure_tsc(), first = rdtsc(), khz = ticks * 1000 / CALIBRATE_US;

	tsc_khz = khz;
	vdso_page.data.tsc_mult = ((u64)CALIBRATE_US * 1000 << 32) / ticks;
	boot_wall = read_wall_clock();
	vdso_page.data.tsc_base = first;
	vdso_page.data.rdtscp = cpu_features.rdtscp;
	pr_info("clock: TSC runs at %llu.%03llu MHz, wall clock %llu",
		(unsigned long long)(khz / 1000), (unsigned long long)(khz % 1000),
		(unsigned long long)boot_wall);
}

/* Corrected clocks agree to a few hundred ticks only: nobody may see time go backwards by that. */
static noinline u64 latest(u64 ns)
{
	static u64 last;
	u64 old = __atomic_load_n(&last, __ATOMIC_RELAXED);

	while (old < ns)
		if (__atomic_compare_exchange_n(&last, &old, ns, true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return ns;
	return old;
}

u64 arch_clock_ns(void)
{
	const struct vdso_data *data = &vdso_page.data;
	u64 tsc = rdtsc() + this_cpu_read(tsc_adjust) - data->tsc_base;
	u64 ns = (u64)((unsigned __int128)tsc * data->tsc_mult >> 32);

	return likely(!READ_ONCE(clocks_differ)) ? ns : latest(ns);
}

/* --- another CPU's TSC --- */

/*
 * The other CPU asks SYNC_ROUNDS times what the boot CPU's TSC says. The answer belongs to some moment between
 * question and return; the quickest round tells it best. A difference smaller than that round is none: most
 * machines reset all TSCs together.
 */
#define SYNC_ROUNDS 64

static unsigned int sync_question, sync_answer;
static u64 sync_tsc;

void clock_sync_boot_cpu(void)
{
	for (unsigned int i = 1; i <= SYNC_ROUNDS; i++) {
		while (__atomic_load_n(&sync_question, __ATOMIC_ACQUIRE) != i)
			cpu_relax();
		sync_tsc = rdtsc();
		__atomic_store_n(&sync_answer, i, __ATOMIC_RELEASE);
	}
}

void clock_sync_secondary(void)
{
	u64 shortest = ~0ULL, adjust = 0;

	for (unsigned int i = 1; i <= SYNC_ROUNDS; i++) {
		u64 start = rdtsc(), round;

		__atomic_store_n(&sync_question, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&sync_answer, __ATOMIC_ACQUIRE) != i)
			cpu_relax();
		round = rdtsc() - start;
		if (round < shortest) {
			shortest = round;
			adjust = sync_tsc - (start + round / 2);
		}
	}
	sync_question = sync_answer = 0;       /* for the next CPU */
	if (adjust + shortest <= 2 * shortest) /* within +- shortest */
		return;
	this_cpu_write(tsc_adjust, adjust);
	WRITE_ONCE(clocks_differ, true);
}

/* --- interrupts between ticks --- */

static bool pit_interrupts; /* constant after boot */

static void pit_interrupt(void *unused)
{
	(void)unused;
	run_timers();
}

void arch_order_interrupt(u64 ns)
{
	u64 count = ns * PIT_HZ / NSEC_PER_SEC + 1;

	if (!pit_interrupts)
		return;
	outb(PIT_COMMAND, PIT_CMD_CH0_MODE0);
	outb(PIT_CHANNEL0, (u8)count);
	outb(PIT_CHANNEL0, (u8)(count >> 8));
}

void clock_start_interrupts(void)
{
	/* It may run since the firmware: whatever it counts, no more than one interrupt comes of it. */
	outb(PIT_COMMAND, PIT_CMD_CH0_MODE0);
	outb(PIT_CHANNEL0, 0);
	outb(PIT_CHANNEL0, 0);
	pit_interrupts = !request_irq(PIT_IRQ, pit_interrupt, NULL, "timer");
}

bool arch_clock_in_user(void)
{
	return !clocks_differ;
}

u64 arch_boot_wall_seconds(void)
{
	return boot_wall;
}
