/* SPDX-License-Identifier: MIT */
/*
 * The system calls of fs/, with the argument order of Linux's x86-64 ABI. Each returns the result
 * or a negative errno, exactly as it goes to user space; -ERESTARTSYS when a signal came before
 * anything was done. Pointers are user addresses: they are touched through <asm/uaccess.h> only.
 * Context: the calling task, no locks held; all may sleep.
 */
#ifndef FS_SYSCALLS_H
#define FS_SYSCALLS_H

#include "lib/compiler.h"
#include "lib/types.h"

struct timespec;
struct timeval;
struct iovec;
struct pollfd;

/* --- descriptors (fs/open.c, fs/fcntl.c) --- */
long sys_open(const char __user *path, int flags, umode_t mode);
long sys_openat(int dfd, const char __user *path, int flags, umode_t mode);
long sys_creat(const char __user *path, umode_t mode);
long sys_close(unsigned int fd);
long sys_close_range(unsigned int first, unsigned int last, unsigned int flags);
long sys_dup(unsigned int fd);
long sys_dup2(unsigned int oldfd, unsigned int newfd);
long sys_dup3(unsigned int oldfd, unsigned int newfd, int flags);
long sys_fcntl(unsigned int fd, unsigned int cmd, unsigned long arg);
long sys_ioctl(unsigned int fd, unsigned int cmd, unsigned long arg);
long sys_flock(unsigned int fd, unsigned int cmd); /* fs/locks.c */

/* --- data (fs/read_write.c) --- */
long sys_read(unsigned int fd, char __user *buf, size_t count);
long sys_write(unsigned int fd, const char __user *buf, size_t count);
long sys_readv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen);
long sys_writev(unsigned long fd, const struct iovec __user *vec, unsigned long vlen);
long sys_pread64(unsigned int fd, char __user *buf, size_t count, loff_t pos);
long sys_pwrite64(unsigned int fd, const char __user *buf, size_t count, loff_t pos);
/* The offset comes in two halves; on x86-64 the low one holds all of it. */
long sys_preadv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		unsigned long pos_l, unsigned long pos_h);
long sys_pwritev(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		 unsigned long pos_l, unsigned long pos_h);
/* @pos -1: the file's own position. */
long sys_preadv2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		 unsigned long pos_l, unsigned long pos_h, int flags);
long sys_pwritev2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		  unsigned long pos_l, unsigned long pos_h, int flags);
long sys_lseek(unsigned int fd, loff_t offset, unsigned int whence);

/* --- how it will be read (fs/fadvise.c) --- */
long sys_fadvise64(int fd, loff_t offset, loff_t len, int advice);
long sys_readahead(int fd, loff_t offset, size_t count);

/* --- memory-only files (fs/tmpfs/memfd.c) --- */
long sys_memfd_create(const char __user *name, unsigned int flags);
/* System V shared memory (fs/tmpfs/sysv.c). */
long sys_shmget(int key, size_t size, int flags);
long sys_shmat(int id, unsigned long addr, int flags);
long sys_shmdt(unsigned long addr);
long sys_shmctl(int id, int cmd, void __user *buf);

/* --- from file to file (fs/copy.c) --- */
long sys_sendfile(int out_fd, int in_fd, loff_t __user *offset, size_t count);
long sys_copy_file_range(int in_fd, loff_t __user *in_offset, int out_fd, loff_t __user *out_offset,
			 size_t len, unsigned int flags);

/* --- into and out of pipes (fs/splice.c) --- */
long sys_splice(int in_fd, loff_t __user *in_offset, int out_fd, loff_t __user *out_offset,
		size_t len, unsigned int flags);
long sys_tee(int in_fd, int out_fd, size_t len, unsigned int flags);
long sys_vmsplice(int fd, const struct iovec __user *vec, unsigned long n, unsigned int flags);

/* --- making it durable (fs/sync.c) --- */
long sys_fsync(unsigned int fd);
long sys_fdatasync(unsigned int fd);
long sys_sync(void);
long sys_syncfs(int fd);
long sys_sync_file_range(int fd, loff_t offset, loff_t nbytes, unsigned int flags);

/* --- sockets (fs/socket.c): there are none, and bash asks whether its input is one --- */
long sys_getpeername(unsigned int fd, void __user *addr, int __user *len); /* -ENOTSOCK */

/* --- what a file is (fs/stat.c) --- */
struct stat;
struct statfs;
struct statx;
long sys_stat(const char __user *path, struct stat __user *st);
long sys_lstat(const char __user *path, struct stat __user *st);
long sys_fstat(unsigned int fd, struct stat __user *st);
long sys_newfstatat(int dfd, const char __user *path, struct stat __user *st, int flags);
long sys_statx(int dfd, const char __user *path, unsigned int flags, unsigned int mask,
	       struct statx __user *stx);
long sys_statfs(const char __user *path, struct statfs __user *st);
long sys_fstatfs(unsigned int fd, struct statfs __user *st);
long sys_access(const char __user *path, int mode);
long sys_faccessat(int dfd, const char __user *path, int mode);
long sys_faccessat2(int dfd, const char __user *path, int mode, int flags);
long sys_readlink(const char __user *path, char __user *buf, int size);
long sys_readlinkat(int dfd, const char __user *path, char __user *buf, int size);

/* --- reading directories (fs/readdir.c) --- */
long sys_getdents64(unsigned int fd, void __user *dirent, unsigned int count);
long sys_getdents(unsigned int fd, void __user *dirent, unsigned int count);

/* --- names (fs/names.c) --- */
long sys_mkdir(const char __user *path, umode_t mode);
long sys_mkdirat(int dfd, const char __user *path, umode_t mode);
long sys_mknod(const char __user *path, umode_t mode, unsigned int dev);
long sys_mknodat(int dfd, const char __user *path, umode_t mode, unsigned int dev);
long sys_rmdir(const char __user *path);
long sys_unlink(const char __user *path);
long sys_unlinkat(int dfd, const char __user *path, int flags);
long sys_link(const char __user *oldpath, const char __user *newpath);
long sys_linkat(int olddfd, const char __user *oldpath, int newdfd, const char __user *newpath,
		int flags);
long sys_symlink(const char __user *target, const char __user *path);
long sys_symlinkat(const char __user *target, int dfd, const char __user *path);
long sys_rename(const char __user *oldpath, const char __user *newpath);
long sys_renameat(int olddfd, const char __user *oldpath, int newdfd, const char __user *newpath);
long sys_renameat2(int olddfd, const char __user *oldpath, int newdfd, const char __user *newpath,
		   unsigned int flags);

/* --- attributes (fs/attr.c) --- */
long sys_chmod(const char __user *path, umode_t mode);
long sys_fchmod(unsigned int fd, umode_t mode);
long sys_fchmodat(int dfd, const char __user *path, umode_t mode);
long sys_chown(const char __user *path, uid_t uid, gid_t gid);
long sys_lchown(const char __user *path, uid_t uid, gid_t gid);
long sys_fchown(unsigned int fd, uid_t uid, gid_t gid);
long sys_fchownat(int dfd, const char __user *path, uid_t uid, gid_t gid, int flags);
long sys_utimensat(int dfd, const char __user *path, const struct timespec __user *times,
		   int flags);
long sys_futimesat(int dfd, const char __user *path, const struct timeval __user *times);
long sys_utimes(const char __user *path, const struct timeval __user *times);
/* @times: two numbers of seconds (struct utimbuf); NULL: the time now. */
long sys_utime(const char __user *path, const s64 __user *times);
long sys_truncate(const char __user *path, loff_t length);
long sys_ftruncate(unsigned int fd, loff_t length);
long sys_fallocate(int fd, int mode, loff_t offset, loff_t len);

/* --- extended attributes, which no file has (fs/xattr.c) --- */
long sys_setxattr(const char __user *path, const char __user *name, const void __user *value,
		  size_t size, int flags);
long sys_lsetxattr(const char __user *path, const char __user *name, const void __user *value,
		   size_t size, int flags);
long sys_fsetxattr(unsigned int fd, const char __user *name, const void __user *value, size_t size,
		   int flags);
long sys_getxattr(const char __user *path, const char __user *name, void __user *value, size_t size);
long sys_lgetxattr(const char __user *path, const char __user *name, void __user *value,
		   size_t size);
long sys_fgetxattr(unsigned int fd, const char __user *name, void __user *value, size_t size);
long sys_listxattr(const char __user *path, char __user *list, size_t size);
long sys_llistxattr(const char __user *path, char __user *list, size_t size);
long sys_flistxattr(unsigned int fd, char __user *list, size_t size);
long sys_removexattr(const char __user *path, const char __user *name);
long sys_lremovexattr(const char __user *path, const char __user *name);
long sys_fremovexattr(unsigned int fd, const char __user *name);

/* --- where a process stands (fs/fs_struct.c, fs/mount.c) --- */
long sys_getcwd(char __user *buf, unsigned long size);
long sys_chdir(const char __user *path);
long sys_fchdir(unsigned int fd);
long sys_chroot(const char __user *path);
long sys_umask(int mask);
long sys_mount(const char __user *source, const char __user *target, const char __user *type,
	       unsigned long flags, const void __user *data);
long sys_umount2(const char __user *target, int flags);

/* --- processes (fs/pidfd.c) --- */
long sys_pidfd_open(pid_t pid, unsigned int flags);
long sys_pidfd_send_signal(unsigned int fd, int sig, const void __user *uinfo, unsigned int flags);
long sys_pidfd_getfd(unsigned int pidfd, unsigned int fd, unsigned int flags);

/* --- pipes and waiting (fs/pipe.c, fs/poll.c) --- */
long sys_pipe(int __user *fds);
long sys_pipe2(int __user *fds, int flags);
long sys_poll(struct pollfd __user *fds, unsigned int nfds, int timeout_ms);
long sys_ppoll(struct pollfd __user *fds, unsigned int nfds, const struct timespec __user *timeout,
	       const u64 __user *sigmask, size_t sigsetsize);
long sys_select(int n, unsigned long __user *in, unsigned long __user *out,
		unsigned long __user *ex, struct timeval __user *timeout);
/* @sig: user address of { const u64 *mask; size_t size; }, or NULL. */
long sys_pselect6(int n, unsigned long __user *in, unsigned long __user *out,
		  unsigned long __user *ex, const struct timespec __user *timeout,
		  const void __user *sig);

#endif
