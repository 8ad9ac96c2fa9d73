/* SPDX-License-Identifier: MIT */
/*
 * A part of fuzz_calls.c: for each system call what kind of argument it takes, so that most arguments
 * make sense and the call gets further than its first check.
 *
 * A letter an argument: f descriptor, d directory's descriptor, p pointer, s path, l length, o offset,
 * x flags, g signal, P process, t short time, u user, m mode, v vector of buffers, c its count, a page
 * of the arena, n bytes of it, r rights, F mmap's flags, k clock, q something small, T timer or segment,
 * C command of fcntl(2), O of futex(2).
 */
#ifndef TESTS_PROGRAMS_FUZZ_SENSE_H
#define TESTS_PROGRAMS_FUZZ_SENSE_H

#include "fuzz.h"

struct sense {
	short nr;
	char kinds[7];
};

/* clang-format off */
static const struct sense senses[] = {
	{0, "fpl"}, {1, "fpl"}, {2, "sxm"}, {3, "f"}, {4, "sp"}, {5, "fp"}, {6, "sp"}, {7, "pqq"},
	{8, "foq"}, {9, "anrFfo"}, {10, "anr"}, {11, "an"}, {12, "p"}, {13, "gppq"}, {14, "qppq"},
	{16, "fxp"}, {17, "fplo"}, {18, "fplo"}, {19, "fvc"}, {20, "fvc"}, {21, "sq"}, {22, "p"},
	{23, "qpppt"}, {24, ""}, {25, "annxa"}, {26, "anq"}, {27, "anp"}, {28, "anq"}, {29, "Tlx"},
	{30, "Tax"}, {31, "Tqp"}, {32, "f"}, {33, "ff"}, {35, "tp"}, {36, "qp"}, {39, ""}, {40, "ffpl"},
	{56, "xpppp"}, {63, "p"}, {67, "a"}, {72, "fCq"}, {73, "fq"}, {74, "f"}, {75, "f"}, {76, "so"},
	{77, "fo"}, {78, "fpl"}, {79, "pl"}, {80, "s"}, {81, "f"}, {82, "ss"}, {83, "sm"}, {84, "s"},
	{85, "sm"}, {86, "ss"}, {87, "s"}, {88, "ss"}, {89, "spl"}, {90, "sm"}, {91, "fm"}, {92, "suu"},
	{93, "fuu"}, {94, "suu"}, {95, "m"}, {96, "pp"}, {97, "qp"}, {98, "qp"}, {99, "p"}, {100, "p"},
	{103, "qpl"}, {109, "PP"}, {111, ""}, {112, ""}, {121, "P"}, {124, "P"}, {125, "pp"}, {126, "pp"},
	{127, "pq"}, {128, "pptq"}, {131, "pp"}, {132, "sp"}, {133, "smq"}, {135, "x"}, {137, "sp"},
	{138, "fp"}, {140, "qP"}, {142, "Pp"}, {143, "Pp"}, {144, "Pqp"}, {145, "P"}, {146, "q"},
	{148, "Pp"}, {149, "an"}, {150, "an"}, {151, "q"}, {152, ""}, {157, "qpppp"}, {158, "xp"},
	{160, "qp"}, {161, "s"}, {187, "fol"}, {186, ""}, {188, "ssplx"}, {191, "sspl"}, {194, "spl"},
	{201, "p"}, {202, "pOqtpq"}, {203, "Plp"}, {204, "Plp"}, {216, "anrox"}, {217, "fpl"},
	{218, "p"}, {221, "folq"}, {222, "kpp"}, {223, "Tqpp"}, {224, "Tp"}, {225, "T"}, {226, "T"},
	{228, "kp"}, {229, "kp"}, {230, "kqtp"}, {235, "sp"}, {247, "qPpqp"}, {257, "dsxm"},
	{258, "dsm"}, {259, "dsmq"}, {260, "dsuux"}, {261, "dsp"}, {262, "dspx"}, {263, "dsx"},
	{264, "dsds"}, {265, "dsdsx"}, {266, "sds"}, {267, "dspl"}, {268, "dsm"}, {269, "dsq"},
	{270, "qppptp"}, {271, "pqtpq"}, {272, "x"}, {273, "pl"}, {274, "Ppp"}, {275, "fpfplx"}, {276, "ffqx"},
	{277, "folx"}, {278, "fvcx"}, {280, "dspx"}, {285, "fxol"}, {292, "ffx"}, {293, "px"}, {295, "fvco"},
	{296, "fvco"}, {302, "Pqpp"}, {306, "f"}, {309, "ppp"}, {310, "Pvcvcq"}, {311, "Pvcvcq"},
	{314, "Ppq"}, {315, "Pplq"}, {316, "dsdsx"}, {318, "plx"}, {319, "sx"}, {324, "xqq"},
	{325, "anq"}, {326, "fpfplx"}, {327, "fvcoqx"}, {328, "fvcoqx"}, {332, "dsxxp"}, {334, "pqxq"},
	{424, "fgpq"}, {434, "Px"}, {435, "pl"}, {436, "ffx"}, {437, "dspl"}, {438, "ffx"},
	{439, "dsqx"}, {440, "fvcqq"}, {441, "fpqtp"},
};
/* clang-format on */

static unsigned long page_of_arena(void);
static unsigned long pointer(void);
static const char *path(void);

/* A short time, now and then nonsense. */
static unsigned long short_time(void)
{
	static struct timespec times[4];
	struct timespec *t = &times[below(4)];

	t->tv_sec = below(16) ? 0 : (time_t)number();
	t->tv_nsec = below(16) ? (long)below(3000000) : (long)number();
	return below(8) ? (unsigned long)t : 0;
}

/* Up to eight buffers in the arena. */
static unsigned long vector(void)
{
	static struct iovec parts[8];

	for (int i = 0; i < 8; i++)
		parts[i] =
			(struct iovec){ (void *)pointer(), below(8) ? below(3 * PAGE) : number() };
	return below(16) ? (unsigned long)parts : pointer();
}

static unsigned long sensible(char kind)
{
	static const unsigned int own[] = { 1, 1, 2, 3 };

	switch (kind) {
	case 'f':
		return below(24);
	case 'd':
		return below(3) ? (unsigned long)-100 : below(24);
	case 'p':
		return pointer();
	case 's':
		return (unsigned long)path();
	case 'l':
		return below(2) ? below(3 * PAGE) : number();
	case 'o':
		return below(2) ? below(8) * PAGE + below(3) : number();
	case 'x':
		return below(3) ? 1UL << below(25) | 1UL << below(25) : number();
	case 'g':
		return below(70);
	case 'P':
		return below(3) ? 0 : (unsigned long)getpid() + below(3);
	case 't':
		return short_time();
	case 'u':
		return below(4) ? 1000 * below(2) : number();
	case 'm':
		return below(2) ? below(010000) : number();
	case 'v':
		return vector();
	case 'c':
		return below(10);
	case 'a':
		return page_of_arena();
	case 'n':
		return below(6) * PAGE + (below(8) ? 0 : below(PAGE));
	case 'r':
		return below(8);
	case 'F':
		return own[below(4)] | below(2) * 0x20 | below(2) * 0x10 |
		       (below(4) ? 0 : number());
	case 'k':
		return below(12);
	case 'q':
		return below(40);
	case 'C':
		return below(2) ? below(40) : 1024 + below(20);
	case 'O':
		return below(16) | below(2) * 128 | below(8) / 7 * 256;
	case 'T':
		return below(8) ? below(6) : number();
	default:
		return number();
	}
}

/* Chooses a call, and arguments of its kinds; each is any number now and then. */
static unsigned long call_with_sense(unsigned long a[6])
{
	const struct sense *sense = &senses[below(COUNT(senses))];

	for (int i = 0; i < 6; i++)
		a[i] = sense->kinds[i] && below(24) ? sensible(sense->kinds[i]) : number();
	return (unsigned long)sense->nr;
}

#endif
