/* SPDX-License-Identifier: MIT */
/* calls_log: the kernel log by syslog(2) and /dev/kmsg. TAP. */
#include <signal.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "proc_read.h"

enum { READ = 2, READ_ALL, READ_CLEAR, CLEAR, OFF, ON, LEVEL, UNREAD, BUFFER };

static bool fails(int type, char *buf, int len, int err)
{
	errno = 0;
	return klogctl(type, buf, len) == -1 && errno == err;
}

/* All of the log into text. */
static int read_log(int type)
{
	int n = klogctl(type, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return n;
}

static int console_level(void)
{
	char saved[64];
	int fd = open("/proc/sys/kernel/printk", O_RDONLY);
	ssize_t n = read(fd, saved, sizeof(saved) - 1);

	close(fd);
	saved[n < 0 ? 0 : n] = '\0';
	return atoi(saved);
}

static void actions(void)
{
	int was = console_level();

	check(!klogctl(0, NULL, 0) && !klogctl(1, NULL, 0), "close and open do nothing");
	check(klogctl(BUFFER, NULL, 0) >= 1 << 16, "the log's size");
	check(fails(-1, NULL, 0, EINVAL) && fails(11, NULL, 0, EINVAL), "no such action: EINVAL");
	check(fails(READ_ALL, NULL, 10, EINVAL) && fails(READ_ALL, text, -1, EINVAL),
	      "no buffer, or a negative length: EINVAL");
	check(klogctl(READ_ALL, text, 0) == 0, "no length: nothing");
	check(fails(LEVEL, NULL, 0, EINVAL) && fails(LEVEL, NULL, 9, EINVAL), "levels are 1 to 8");
	check(!klogctl(LEVEL, NULL, 3) && console_level() == 3, "a level for the console");
	check(!klogctl(OFF, NULL, 0) && console_level() == 1, "console off: the lowest level");
	check(!klogctl(ON, NULL, 0) && console_level() == 3, "on: the one before");
	klogctl(LEVEL, NULL, was);
}

static void text_log(void)
{
	char *line;
	int n;

	check(put("/dev/kmsg", "<5>a line for the log\n") == 22, "write /dev/kmsg");
	n = read_log(READ_ALL);
	line = strstr(text, "<13>[");
	check(n > 0 && line && strstr(line, "] a line for the log\n"),
	      "it is in the log: a program's (8), level 5, stamped");
	check(klogctl(READ_ALL, text, 40) <= 40 && text[0] == '<', "what fits, by whole records");
	check(fails(READ_ALL, (char *)16, 100, EFAULT), "bad memory: EFAULT");
	check(klogctl(UNREAD, NULL, 0) > 0, "some is unread");
	while (klogctl(UNREAD, NULL, 0) > 0)
		if (klogctl(READ, text, sizeof(text) / 2) <= 0)
			break;
	put("/dev/kmsg", "one more\n");
	n = klogctl(READ, text, 1000);
	text[n < 0 ? 0 : n] = '\0';
	check(n > 0 && strstr(text, "] one more\n") && klogctl(UNREAD, NULL, 0) == 0,
	      "reading takes what is new");
	check(read_log(READ_CLEAR) > 0 && strstr(text, "] one more\n"), "read and clear");
	read_log(READ_ALL);
	check(!strstr(text, "] one more\n"), "cleared");
	put("/dev/kmsg", "after that\n");
	check(read_log(READ_ALL) > 0 && strstr(text, "] after that\n"),
	      "what comes after is shown");
	klogctl(CLEAR, NULL, 0);
	read_log(READ_ALL);
	check(!strstr(text, "after that\n"), "clear");
}

static void records(void)
{
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
	unsigned int level;
	unsigned long long number, next, usec;
	char record[8192], small[8];
	ssize_t n;

	check(fd >= 0 && read(fd, record, sizeof(record)) > 0,
	      "/dev/kmsg begins with the oldest record");
	check(lseek(fd, 0, SEEK_END) == 0 && read(fd, record, sizeof(record)) == -1 &&
		      errno == EAGAIN,
	      "at the end there is none: EAGAIN");
	write(fd, "zero\n", 5);
	write(fd, "<30>first \\ text\n", 17);
	write(fd, "second\n", 7);
	check(read(fd, small, sizeof(small)) == -1 && errno == EINVAL,
	      "too small for the record: EINVAL, and it is gone");
	n = read(fd, record, sizeof(record) - 1);
	record[n < 0 ? 0 : n] = '\0';
	check(n > 0 && sscanf(record, "%u,%llu,%llu,-;", &level, &number, &usec) == 3 &&
		      level == 30,
	      "level and facility, number, microseconds");
	check(!strcmp(record + strcspn(record, ";"), ";first \\x5c text\n"),
	      "text, a backslash as its number");
	n = read(fd, record, sizeof(record) - 1);
	record[n < 0 ? 0 : n] = '\0';
	check(n > 0 && sscanf(record, "%u,%llu,%llu,-;second\n", &level, &next, &usec) == 3 &&
		      next == number + 1 && level >> 3 == 1,
	      "a record for each write, numbered");
	check(lseek(fd, 0, SEEK_SET) == 0 && read(fd, record, sizeof(record)) > 0,
	      "back to the oldest");
	check(lseek(fd, 1, SEEK_SET) == -1 && errno == ESPIPE, "there are no other places: ESPIPE");
	klogctl(CLEAR, NULL, 0);
	write(fd, "third\n", 6);
	check(lseek(fd, 0, SEEK_DATA) == 0 && (n = read(fd, record, sizeof(record) - 1)) > 0,
	      "behind the last clear");
	record[n < 0 ? 0 : n] = '\0';
	check(strstr(record, ";third\n") != NULL, "the first record since");
	close(fd);
}

static void not_root(void)
{
	int status;

	if (!fork()) {
		bool ok;

		setuid(1000);
		ok = fails(READ_ALL, text, 100, EPERM) && fails(CLEAR, NULL, 0, EPERM) &&
		     open("/dev/kmsg", O_RDONLY) == -1;
		_exit(!ok);
	}
	wait(&status);
	check(!status, "others may not look: EPERM");
}

int main(void)
{
	actions();
	text_log();
	records();
	not_root();
	return checks_done();
}
