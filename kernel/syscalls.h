/* SPDX-License-Identifier: MIT */
/*
 * The system calls by Linux's x86-64 numbers (asm/unistd_64.h of its user headers): X(number, name,
 * function) for those that there are, M(number, name) for those that Linux has and we do not.
 * Prototypes stand where the functions are: fs/syscalls.h, mm/space/mm.h, and below for
 * kernel/proc.
 */
#ifndef KERNEL_SYSCALLS_H
#define KERNEL_SYSCALLS_H

#include "lib/compiler.h"
#include "lib/types.h"

/* clang-format off */
#define SYSCALLS(X, M) \
	X(0, read, sys_read) \
	X(1, write, sys_write) \
	X(2, open, sys_open) \
	X(3, close, sys_close) \
	X(4, stat, sys_stat) \
	X(5, fstat, sys_fstat) \
	X(6, lstat, sys_lstat) \
	X(7, poll, sys_poll) \
	X(8, lseek, sys_lseek) \
	X(9, mmap, sys_mmap) \
	X(10, mprotect, sys_mprotect) \
	X(11, munmap, sys_munmap) \
	X(12, brk, sys_brk) \
	X(13, rt_sigaction, sys_rt_sigaction) \
	X(14, rt_sigprocmask, sys_rt_sigprocmask) \
	X(15, rt_sigreturn, sys_rt_sigreturn) \
	X(16, ioctl, sys_ioctl) \
	X(17, pread64, sys_pread64) \
	X(18, pwrite64, sys_pwrite64) \
	X(19, readv, sys_readv) \
	X(20, writev, sys_writev) \
	X(21, access, sys_access) \
	X(22, pipe, sys_pipe) \
	X(23, select, sys_select) \
	X(24, sched_yield, sys_sched_yield) \
	X(25, mremap, sys_mremap) \
	X(26, msync, sys_msync) \
	X(27, mincore, sys_mincore) \
	X(28, madvise, sys_madvise) \
	X(29, shmget, sys_shmget) \
	X(30, shmat, sys_shmat) \
	X(31, shmctl, sys_shmctl) \
	X(32, dup, sys_dup) \
	X(33, dup2, sys_dup2) \
	X(34, pause, sys_pause) \
	X(35, nanosleep, sys_nanosleep) \
	X(36, getitimer, sys_getitimer) \
	X(37, alarm, sys_alarm) \
	X(38, setitimer, sys_setitimer) \
	X(39, getpid, sys_getpid) \
	X(40, sendfile, sys_sendfile) \
	M(41, socket) \
	M(42, connect) \
	M(43, accept) \
	M(44, sendto) \
	M(45, recvfrom) \
	M(46, sendmsg) \
	M(47, recvmsg) \
	M(48, shutdown) \
	M(49, bind) \
	M(50, listen) \
	M(51, getsockname) \
	X(52, getpeername, sys_getpeername) \
	M(53, socketpair) \
	M(54, setsockopt) \
	M(55, getsockopt) \
	X(56, clone, sys_clone) \
	X(57, fork, sys_fork) \
	X(58, vfork, sys_vfork) \
	X(59, execve, sys_execve) \
	X(60, exit, sys_exit) \
	X(61, wait4, sys_wait4) \
	X(62, kill, sys_kill) \
	X(63, uname, sys_uname) \
	M(64, semget) \
	M(65, semop) \
	M(66, semctl) \
	X(67, shmdt, sys_shmdt) \
	M(68, msgget) \
	M(69, msgsnd) \
	M(70, msgrcv) \
	M(71, msgctl) \
	X(72, fcntl, sys_fcntl) \
	X(73, flock, sys_flock) \
	X(74, fsync, sys_fsync) \
	X(75, fdatasync, sys_fdatasync) \
	X(76, truncate, sys_truncate) \
	X(77, ftruncate, sys_ftruncate) \
	X(78, getdents, sys_getdents) \
	X(79, getcwd, sys_getcwd) \
	X(80, chdir, sys_chdir) \
	X(81, fchdir, sys_fchdir) \
	X(82, rename, sys_rename) \
	X(83, mkdir, sys_mkdir) \
	X(84, rmdir, sys_rmdir) \
	X(85, creat, sys_creat) \
	X(86, link, sys_link) \
	X(87, unlink, sys_unlink) \
	X(88, symlink, sys_symlink) \
	X(89, readlink, sys_readlink) \
	X(90, chmod, sys_chmod) \
	X(91, fchmod, sys_fchmod) \
	X(92, chown, sys_chown) \
	X(93, fchown, sys_fchown) \
	X(94, lchown, sys_lchown) \
	X(95, umask, sys_umask) \
	X(96, gettimeofday, sys_gettimeofday) \
	X(97, getrlimit, sys_getrlimit) \
	X(98, getrusage, sys_getrusage) \
	X(99, sysinfo, sys_sysinfo) \
	X(100, times, sys_times) \
	M(101, ptrace) \
	X(102, getuid, sys_getuid) \
	X(103, syslog, sys_syslog) \
	X(104, getgid, sys_getgid) \
	X(105, setuid, sys_setuid) \
	X(106, setgid, sys_setgid) \
	X(107, geteuid, sys_geteuid) \
	X(108, getegid, sys_getegid) \
	X(109, setpgid, sys_setpgid) \
	X(110, getppid, sys_getppid) \
	X(111, getpgrp, sys_getpgrp) \
	X(112, setsid, sys_setsid) \
	X(113, setreuid, sys_setreuid) \
	X(114, setregid, sys_setregid) \
	X(115, getgroups, sys_getgroups) \
	X(116, setgroups, sys_setgroups) \
	X(117, setresuid, sys_setresuid) \
	X(118, getresuid, sys_getresuid) \
	X(119, setresgid, sys_setresgid) \
	X(120, getresgid, sys_getresgid) \
	X(121, getpgid, sys_getpgid) \
	X(122, setfsuid, sys_setfsuid) \
	X(123, setfsgid, sys_setfsgid) \
	X(124, getsid, sys_getsid) \
	X(125, capget, sys_capget) \
	X(126, capset, sys_capset) \
	X(127, rt_sigpending, sys_rt_sigpending) \
	X(128, rt_sigtimedwait, sys_rt_sigtimedwait) \
	X(129, rt_sigqueueinfo, sys_rt_sigqueueinfo) \
	X(130, rt_sigsuspend, sys_rt_sigsuspend) \
	X(131, sigaltstack, sys_sigaltstack) \
	X(132, utime, sys_utime) \
	X(133, mknod, sys_mknod) \
	M(134, uselib) \
	X(135, personality, sys_personality) \
	M(136, ustat) \
	X(137, statfs, sys_statfs) \
	X(138, fstatfs, sys_fstatfs) \
	M(139, sysfs) \
	X(140, getpriority, sys_getpriority) \
	X(141, setpriority, sys_setpriority) \
	X(142, sched_setparam, sys_sched_setparam) \
	X(143, sched_getparam, sys_sched_getparam) \
	X(144, sched_setscheduler, sys_sched_setscheduler) \
	X(145, sched_getscheduler, sys_sched_getscheduler) \
	X(146, sched_get_priority_max, sys_sched_get_priority_max) \
	X(147, sched_get_priority_min, sys_sched_get_priority_min) \
	X(148, sched_rr_get_interval, sys_sched_rr_get_interval) \
	X(149, mlock, sys_mlock) \
	X(150, munlock, sys_munlock) \
	X(151, mlockall, sys_mlockall) \
	X(152, munlockall, sys_munlockall) \
	M(153, vhangup) \
	M(154, modify_ldt) \
	M(155, pivot_root) \
	M(156, _sysctl) \
	X(157, prctl, sys_prctl) \
	X(158, arch_prctl, sys_arch_prctl) \
	X(159, adjtimex, sys_adjtimex) \
	X(160, setrlimit, sys_setrlimit) \
	X(161, chroot, sys_chroot) \
	X(162, sync, sys_sync) \
	M(163, acct) \
	X(164, settimeofday, sys_settimeofday) \
	X(165, mount, sys_mount) \
	X(166, umount2, sys_umount2) \
	X(167, swapon, sys_swapon) \
	X(168, swapoff, sys_swapoff) \
	X(169, reboot, sys_reboot) \
	X(170, sethostname, sys_sethostname) \
	X(171, setdomainname, sys_setdomainname) \
	M(172, iopl) \
	M(173, ioperm) \
	M(174, create_module) \
	M(175, init_module) \
	M(176, delete_module) \
	M(177, get_kernel_syms) \
	M(178, query_module) \
	M(179, quotactl) \
	M(180, nfsservctl) \
	M(181, getpmsg) \
	M(182, putpmsg) \
	M(183, afs_syscall) \
	M(184, tuxcall) \
	M(185, security) \
	X(186, gettid, sys_gettid) \
	X(187, readahead, sys_readahead) \
	X(188, setxattr, sys_setxattr) \
	X(189, lsetxattr, sys_lsetxattr) \
	X(190, fsetxattr, sys_fsetxattr) \
	X(191, getxattr, sys_getxattr) \
	X(192, lgetxattr, sys_lgetxattr) \
	X(193, fgetxattr, sys_fgetxattr) \
	X(194, listxattr, sys_listxattr) \
	X(195, llistxattr, sys_llistxattr) \
	X(196, flistxattr, sys_flistxattr) \
	X(197, removexattr, sys_removexattr) \
	X(198, lremovexattr, sys_lremovexattr) \
	X(199, fremovexattr, sys_fremovexattr) \
	X(200, tkill, sys_tkill) \
	X(201, time, sys_time) \
	X(202, futex, sys_futex) \
	X(203, sched_setaffinity, sys_sched_setaffinity) \
	X(204, sched_getaffinity, sys_sched_getaffinity) \
	M(205, set_thread_area) \
	M(206, io_setup) \
	M(207, io_destroy) \
	M(208, io_getevents) \
	M(209, io_submit) \
	M(210, io_cancel) \
	M(211, get_thread_area) \
	M(212, lookup_dcookie) \
	M(213, epoll_create) \
	M(214, epoll_ctl_old) \
	M(215, epoll_wait_old) \
	X(216, remap_file_pages, sys_remap_file_pages) \
	X(217, getdents64, sys_getdents64) \
	X(218, set_tid_address, sys_set_tid_address) \
	X(219, restart_syscall, sys_restart_syscall) \
	M(220, semtimedop) \
	X(221, fadvise64, sys_fadvise64) \
	X(222, timer_create, sys_timer_create) \
	X(223, timer_settime, sys_timer_settime) \
	X(224, timer_gettime, sys_timer_gettime) \
	X(225, timer_getoverrun, sys_timer_getoverrun) \
	X(226, timer_delete, sys_timer_delete) \
	X(227, clock_settime, sys_clock_settime) \
	X(228, clock_gettime, sys_clock_gettime) \
	X(229, clock_getres, sys_clock_getres) \
	X(230, clock_nanosleep, sys_clock_nanosleep) \
	X(231, exit_group, sys_exit_group) \
	M(232, epoll_wait) \
	M(233, epoll_ctl) \
	X(234, tgkill, sys_tgkill) \
	X(235, utimes, sys_utimes) \
	M(236, vserver) \
	M(237, mbind) \
	M(238, set_mempolicy) \
	M(239, get_mempolicy) \
	M(240, mq_open) \
	M(241, mq_unlink) \
	M(242, mq_timedsend) \
	M(243, mq_timedreceive) \
	M(244, mq_notify) \
	M(245, mq_getsetattr) \
	M(246, kexec_load) \
	X(247, waitid, sys_waitid) \
	M(248, add_key) \
	M(249, request_key) \
	M(250, keyctl) \
	X(251, ioprio_set, sys_ioprio_set) \
	X(252, ioprio_get, sys_ioprio_get) \
	M(253, inotify_init) \
	M(254, inotify_add_watch) \
	M(255, inotify_rm_watch) \
	M(256, migrate_pages) \
	X(257, openat, sys_openat) \
	X(258, mkdirat, sys_mkdirat) \
	X(259, mknodat, sys_mknodat) \
	X(260, fchownat, sys_fchownat) \
	X(261, futimesat, sys_futimesat) \
	X(262, newfstatat, sys_newfstatat) \
	X(263, unlinkat, sys_unlinkat) \
	X(264, renameat, sys_renameat) \
	X(265, linkat, sys_linkat) \
	X(266, symlinkat, sys_symlinkat) \
	X(267, readlinkat, sys_readlinkat) \
	X(268, fchmodat, sys_fchmodat) \
	X(269, faccessat, sys_faccessat) \
	X(270, pselect6, sys_pselect6) \
	X(271, ppoll, sys_ppoll) \
	X(272, unshare, sys_unshare) \
	X(273, set_robust_list, sys_set_robust_list) \
	X(274, get_robust_list, sys_get_robust_list) \
	X(275, splice, sys_splice) \
	X(276, tee, sys_tee) \
	X(277, sync_file_range, sys_sync_file_range) \
	X(278, vmsplice, sys_vmsplice) \
	M(279, move_pages) \
	X(280, utimensat, sys_utimensat) \
	M(281, epoll_pwait) \
	M(282, signalfd) \
	M(283, timerfd_create) \
	M(284, eventfd) \
	X(285, fallocate, sys_fallocate) \
	M(286, timerfd_settime) \
	M(287, timerfd_gettime) \
	M(288, accept4) \
	M(289, signalfd4) \
	M(290, eventfd2) \
	M(291, epoll_create1) \
	X(292, dup3, sys_dup3) \
	X(293, pipe2, sys_pipe2) \
	M(294, inotify_init1) \
	X(295, preadv, sys_preadv) \
	X(296, pwritev, sys_pwritev) \
	X(297, rt_tgsigqueueinfo, sys_rt_tgsigqueueinfo) \
	M(298, perf_event_open) \
	M(299, recvmmsg) \
	M(300, fanotify_init) \
	M(301, fanotify_mark) \
	X(302, prlimit64, sys_prlimit64) \
	M(303, name_to_handle_at) \
	M(304, open_by_handle_at) \
	X(305, clock_adjtime, sys_clock_adjtime) \
	X(306, syncfs, sys_syncfs) \
	M(307, sendmmsg) \
	M(308, setns) \
	X(309, getcpu, sys_getcpu) \
	X(310, process_vm_readv, sys_process_vm_readv) \
	X(311, process_vm_writev, sys_process_vm_writev) \
	M(312, kcmp) \
	M(313, finit_module) \
	X(314, sched_setattr, sys_sched_setattr) \
	X(315, sched_getattr, sys_sched_getattr) \
	X(316, renameat2, sys_renameat2) \
	M(317, seccomp) \
	X(318, getrandom, sys_getrandom) \
	X(319, memfd_create, sys_memfd_create) \
	M(320, kexec_file_load) \
	M(321, bpf) \
	X(322, execveat, sys_execveat) \
	M(323, userfaultfd) \
	X(324, membarrier, sys_membarrier) \
	X(325, mlock2, sys_mlock2) \
	X(326, copy_file_range, sys_copy_file_range) \
	X(327, preadv2, sys_preadv2) \
	X(328, pwritev2, sys_pwritev2) \
	M(329, pkey_mprotect) \
	M(330, pkey_alloc) \
	M(331, pkey_free) \
	X(332, statx, sys_statx) \
	M(333, io_pgetevents) \
	X(334, rseq, sys_rseq) \
	X(424, pidfd_send_signal, sys_pidfd_send_signal) \
	M(425, io_uring_setup) \
	M(426, io_uring_enter) \
	M(427, io_uring_register) \
	M(428, open_tree) \
	M(429, move_mount) \
	M(430, fsopen) \
	M(431, fsconfig) \
	M(432, fsmount) \
	M(433, fspick) \
	X(434, pidfd_open, sys_pidfd_open) \
	X(435, clone3, sys_clone3) \
	X(436, close_range, sys_close_range) \
	M(437, openat2) \
	X(438, pidfd_getfd, sys_pidfd_getfd) \
	X(439, faccessat2, sys_faccessat2) \
	X(440, process_madvise, sys_process_madvise) \
	M(441, epoll_pwait2) \
	M(442, mount_setattr) \
	M(443, quotactl_fd) \
	M(444, landlock_create_ruleset) \
	M(445, landlock_add_rule) \
	M(446, landlock_restrict_self) \
	M(447, memfd_secret) \
	M(448, process_mrelease) \
	M(449, futex_waitv) \
	M(450, set_mempolicy_home_node)
/* clang-format on */

#define NR_syscalls 451
#define NR_restart_syscall 219

/*
 * All take six arguments as they came in registers; functions with fewer or narrower ones ignore
 * the rest.
 */
typedef long (*sys_call_fn)(unsigned long, unsigned long, unsigned long, unsigned long,
			    unsigned long, unsigned long);
extern const sys_call_fn sys_call_table[NR_syscalls];
/* Does the call change a map, or ask about one? The recorder tells of those. */
extern const bool sys_call_is_about_memory[NR_syscalls];

struct cap_data;
struct cap_header;
struct clone_args;
struct itimerspec;
struct itimerval;
struct k_sigaction;
struct rlimit;
struct rusage;
struct sched_attr;
struct sysinfo;
struct timespec;
struct timeval;
struct timex;
struct tms;
struct user_stack;
struct utsname;

/* kernel/proc/clone.c */
long sys_clone(unsigned long flags, unsigned long stack, int __user *parent_tid,
	       int __user *child_tid, unsigned long tls);
long sys_fork(void);
long sys_vfork(void);
long sys_clone3(const struct clone_args __user *uargs, size_t size);
long sys_set_tid_address(int __user *tid);
long sys_unshare(unsigned long flags);

/* kernel/proc/exec.c */
long sys_execve(const char __user *upath, const char __user *const __user *argv,
		const char __user *const __user *envp);
long sys_execveat(int dfd, const char __user *path, const char __user *const __user *argv,
		  const char __user *const __user *envp, int flags);

/* kernel/proc/exit.c */
long sys_exit(int code);
long sys_exit_group(int code);

/* kernel/proc/wait.c */
long sys_wait4(pid_t pid, int __user *status, int options, struct rusage __user *rusage);
long sys_waitid(int which, pid_t id, void __user *uinfo, int options, struct rusage __user *rusage);

/* kernel/proc/jobs.c */
long sys_setpgid(pid_t pid, pid_t pgid);
long sys_getpgid(pid_t pid);
long sys_getpgrp(void);
long sys_getsid(pid_t pid);
long sys_setsid(void);

/* kernel/proc/sigcalls.c */
long sys_rt_sigaction(int sig, const struct k_sigaction __user *act,
		      struct k_sigaction __user *oldact, size_t size);
long sys_rt_sigprocmask(int how, const u64 __user *set, u64 __user *oldset, size_t size);
long sys_rt_sigpending(u64 __user *set, size_t size);
long sys_pause(void);
long sys_rt_sigsuspend(const u64 __user *set, size_t size);
long sys_rt_sigtimedwait(const u64 __user *uset, void __user *uinfo,
			 const struct timespec __user *uts, size_t size);
long sys_restart_syscall(void);
long sys_kill(pid_t pid, int sig);
long sys_tgkill(pid_t tgid, pid_t pid, int sig);
long sys_tkill(pid_t pid, int sig);
long sys_rt_sigqueueinfo(pid_t pid, int sig, const void __user *uinfo);
long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t pid, int sig, const void __user *uinfo);
long sys_sigaltstack(const struct user_stack __user *uss, struct user_stack __user *uoss);

/* kernel/proc/sigframe.c */
long sys_rt_sigreturn(void);

/* kernel/proc/futex.c */
long sys_futex(u32 __user *addr, int op, u32 val, const struct timespec __user *timeout,
	       u32 __user *addr2, u32 val3);

/* kernel/proc/robust.c */
long sys_set_robust_list(unsigned long head, size_t len);
long sys_get_robust_list(pid_t pid, unsigned long __user *head, size_t __user *len);

/* kernel/proc/clock.c */
long sys_clock_gettime(int clock, struct timespec __user *uts);
long sys_clock_getres(int clock, struct timespec __user *uts);
long sys_clock_settime(int clock, const struct timespec __user *uts);
long sys_gettimeofday(struct timeval __user *utv, void __user *tz);
long sys_time(s64 __user *where);
long sys_times(struct tms __user *utms);
long sys_clock_nanosleep(int clock, int flags, const struct timespec __user *req,
			 struct timespec __user *rem);
long sys_nanosleep(const struct timespec __user *req, struct timespec __user *rem);
long sys_settimeofday(const struct timeval __user *utv, const void __user *utz);
long sys_adjtimex(struct timex __user *utx);
long sys_clock_adjtime(int clock, struct timex __user *utx);

/* kernel/proc/itimer.c */
long sys_setitimer(int which, const struct itimerval __user *unew, struct itimerval __user *uold);
long sys_getitimer(int which, struct itimerval __user *uval);
long sys_alarm(unsigned int seconds);

/* kernel/proc/posix_timer.c */
long sys_timer_create(int clock, const void __user *uevent, int __user *uid);
long sys_timer_settime(int id, int flags, const struct itimerspec __user *unew,
		       struct itimerspec __user *uold);
long sys_timer_gettime(int id, struct itimerspec __user *uspec);
long sys_timer_getoverrun(int id);
long sys_timer_delete(int id);

/* kernel/proc/ids.c */
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
long sys_setuid(uid_t uid);
long sys_setgid(gid_t gid);
long sys_setreuid(uid_t r, uid_t e);
long sys_setregid(gid_t r, gid_t e);
long sys_setresuid(uid_t r, uid_t e, uid_t s);
long sys_setresgid(gid_t r, gid_t e, gid_t s);
long sys_getresuid(uid_t __user *r, uid_t __user *e, uid_t __user *s);
long sys_getresgid(gid_t __user *r, gid_t __user *e, gid_t __user *s);
long sys_setfsuid(uid_t uid);
long sys_setfsgid(gid_t gid);
long sys_getgroups(int size, gid_t __user *list);
long sys_setgroups(int size, const gid_t __user *list);

/* kernel/proc/limits.c */
long sys_prlimit64(pid_t pid, unsigned int which, const struct rlimit __user *unew,
		   struct rlimit __user *uold);
long sys_getrlimit(unsigned int which, struct rlimit __user *uold);
long sys_setrlimit(unsigned int which, const struct rlimit __user *unew);
long sys_getrusage(int who, struct rusage __user *uusage);
long sys_sysinfo(struct sysinfo __user *uinfo);
long sys_sched_yield(void);
long sys_sched_getaffinity(pid_t pid, unsigned int size, unsigned long __user *mask);
long sys_sched_setaffinity(pid_t pid, unsigned int size, const unsigned long __user *umask);
long sys_getcpu(unsigned int __user *cpu, unsigned int __user *node);

/* kernel/proc/process_vm.c */
struct iovec;
long sys_process_madvise(unsigned int pidfd, const struct iovec __user *uvec, unsigned long vlen,
			 int behavior, unsigned int flags);
long sys_process_vm_readv(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			  const struct iovec __user *rvec, unsigned long riovcnt,
			  unsigned long flags);
long sys_process_vm_writev(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			   const struct iovec __user *rvec, unsigned long riovcnt,
			   unsigned long flags);

/* kernel/proc/prio.c */
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);
long sys_sched_getscheduler(pid_t pid);
long sys_sched_getparam(pid_t pid, int __user *param);
long sys_sched_setscheduler(pid_t pid, int policy, const int __user *param);
long sys_sched_setparam(pid_t pid, const int __user *param);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
long sys_sched_rr_get_interval(pid_t pid, struct timespec __user *uts);
long sys_sched_setattr(pid_t pid, const struct sched_attr __user *uattr, unsigned int flags);
long sys_sched_getattr(pid_t pid, struct sched_attr __user *uattr, unsigned int size,
		       unsigned int flags);
long sys_ioprio_set(int which, int who, int ioprio);
long sys_ioprio_get(int which, int who);

/* kernel/proc/prctl.c, kernel/proc/caps.c */
long sys_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4,
	       unsigned long arg5);
long sys_capget(struct cap_header __user *uhead, struct cap_data __user *udata);
long sys_capset(struct cap_header __user *uhead, const struct cap_data __user *udata);

/* kernel/proc/sys.c */
long sys_getpid(void);
long sys_gettid(void);
long sys_getppid(void);
long sys_uname(struct utsname __user *uname);
long sys_sethostname(const char __user *name, int len);
long sys_setdomainname(const char __user *name, int len);
long sys_arch_prctl(int code, unsigned long addr);
long sys_personality(unsigned int persona);
long sys_rseq(void);
long sys_membarrier(int cmd, unsigned int flags, int cpu);
long sys_getrandom(u8 __user *buf, size_t len, unsigned int flags);
long sys_syslog(int type, char __user *buf, int len);
long sys_reboot(unsigned int magic1, unsigned int magic2, unsigned int cmd, void __user *arg);

#endif
