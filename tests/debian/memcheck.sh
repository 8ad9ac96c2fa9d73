# SPDX-License-Identifier: MIT
# memcheck.sh: valgrind, which runs a program as one of its own: it maps it, follows its threads,
# catches its signals and is in its address space. First one with mistakes, whose places it must
# name, then Debian's own. Process ids and addresses, which differ from run to run, are left out.
cd /tmp || exit 1
cat >faulty.c <<'END'
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf again;

static void on_fault(int number)
{
	siglongjmp(again, number);
}

static void *work(void *arg)
{
	int *p = calloc(1000, sizeof(int)), sum = 0;

	for (int i = 0; i < 1000; i++)
		sum += p[i] + i;
	free(p);
	return (void *)(long)sum;
}

int main(void)
{
	volatile int *p = malloc(40), status = 0;
	pthread_t threads[4];
	char *m;

	if (p[3] == 5)
		puts("unlikely");
	p[10] = 1;
	free((void *)p);
	p = malloc(100);
	p = NULL;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 4; i++) {
		void *sum;

		pthread_join(threads[i], &sum);
		status += (int)(long)sum;
	}
	printf("threads: %d\n", status);
	m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(m, 1, 1 << 20);
	mprotect(m, 4096, PROT_READ);
	signal(SIGSEGV, on_fault);
	if (sigsetjmp(again, 1) == SIGSEGV)
		puts("a write to what is read-only");
	else
		*m = 2;
	munmap(m, 1 << 20);
	if (!fork())
		_exit(4);
	wait((int *)&status);
	printf("child: %d\n", WEXITSTATUS(status));
	return 3;
}
END
gcc -g -O0 -pthread -o faulty faulty.c || exit 1
valgrind --log-file=log --leak-check=full ./faulty
echo "status $?"
sed -e 's/==[0-9]*==//; s/0x[0-9A-Fa-f]*/address/g' -e '/Parent PID\|Copyright\|Using Valgrind/d' log
valgrind -q --log-file=log sort -r faulty.c | cksum
cat log
