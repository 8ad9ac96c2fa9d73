# SPDX-License-Identifier: MIT
# gcc.sh [FUNCTIONS]: a program of so many functions, over ten lines each, is written, compiled with
# -O2, linked and run, dynamic and static; then one of two files, with a mistake first.
mkdir -p /root/gcc && cd /root/gcc || exit 1
awk -v n="${1:-400}" 'BEGIN {
	print "#include <stdio.h>\n#include <stdint.h>\n#include <string.h>\ntypedef uint32_t u;"
	for (i = 0; i < n; i++) {
		printf "struct s%d { u a, b; u t[%d]; };\n", i, i % 7 + 2
		printf "static u f%d(u x, struct s%d *s)\n{\n", i, i
		printf "\tfor (u i = 0; i < sizeof(s->t) / sizeof(*s->t); i++) {\n"
		printf "\t\ts->t[i] = x * %uu + (s->t[i] >> %d);\n", i * 7919 + 1, i % 13 + 1
		printf "\t\tswitch ((x + i) %% 5) {\n\t\tcase 0: s->a += s->t[i]; break;\n"
		printf "\t\tcase 1: s->b ^= s->a; break;\n\t\tcase 2: s->a = s->a << 3 | s->a >> 29;\n"
		printf "\t\t/* fall through */\n\t\tdefault: x += s->a;\n\t\t}\n\t}\n"
		printf "\treturn x ^ s->b;\n}\n"
	}
	print "int main(void)\n{\n\tu x = 1;\n"
	for (i = 0; i < n; i++)
		printf "\t{ struct s%d s; memset(&s, %d, sizeof(s)); x = f%d(x, &s); }\n", i, i % 250, i
	print "\tprintf(\"%08x\\n\", x);\n\treturn x & 63;\n}"
}' >big.c
wc -l big.c
gcc -O2 -Wall -o big big.c && ./big
echo "dynamic $?"
gcc -O2 -static -o static big.c && ./static
echo "static $?"
gcc -O0 -g -S -o - big.c | grep -c 'call'
cat >one.c <<END
int twice(int x) { return 2 * x }
END
cat >two.c <<END
#include <stdio.h>
#include <pthread.h>
int twice(int x);
static void *thread(void *p) { *(int *)p = twice(21); return 0; }
int main(void) { pthread_t t; int x; pthread_create(&t, 0, thread, &x); pthread_join(t, 0); return printf("%d\n", x) - 3; }
END
gcc -c one.c 2>&1 | head -n 2
sed -i 's/x }/x; }/' one.c
gcc -pipe -c one.c && gcc -c two.c && ar rc libone.a one.o && gcc -o two two.o -L. -lone && ./two
echo "two $?"
nm two | grep -c ' T '
