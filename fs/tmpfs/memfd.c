/* SPDX-License-Identifier: MIT */
/* memfd_create(2), and the seals that fcntl(2) puts on such a file. */
#include "fs/tmpfs/tmpfs.h"

#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/space/mman.h"
#include <asm/uaccess.h>

/* linux/memfd.h of Linux's user headers. */
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#define MFD_HUGETLB 4u
#define MFD_HUGE_SIZES (0x3fu << 26) /* the size's logarithm, 0: 2 MiB */
#define MFD_NAME_MAX (NAME_MAX - 6) /* what "memfd:" leaves of a name */

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static struct shmem *file_shmem(const struct file *file)
{
	return file->f_mapping ? file->f_mapping->shmem : NULL;
}

long memfd_fcntl(struct file *file, bool add, unsigned long arg)
{
	struct shmem *shmem = file_shmem(file);
	int err;

	if (!add)
		return shmem ? (long)shmem->seals : -EINVAL;
	if (arg > ~0U)
		return -EINVAL;
	if (!(file->f_mode & FMODE_WRITE))
		return -EPERM;
	if (arg & ~(unsigned long)ALL_SEALS || !shmem)
		return -EINVAL;
	inode_lock(file->f_inode); /* no write(2) is on its way */
	err = shmem_add_seals(shmem, (unsigned int)arg);
	inode_unlock(file->f_inode);
	return err;
}

/* "memfd:" and the user's name (kfree()), or ERR_PTR. */
static char *get_memfd_name(const char __user *uname)
{
	char *name = kmalloc(NAME_MAX + 1, GFP_KERNEL);
	long len;

	if (!name)
		return ERR_PTR(-ENOMEM);
	strlcpy(name, "memfd:", NAME_MAX);
	len = strncpy_from_user(name + 6, uname, MFD_NAME_MAX + 1);
	if (len >= 0 && len <= (long)MFD_NAME_MAX)
		return name;
	kfree(name);
	return ERR_PTR(len < 0 ? len : -EINVAL);
}

/* A file of huge pages, of which the machine has none: it can have any size, but no contents. */
static int huge_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENOMEM;
}

static const struct file_operations huge_fops = {
	.name = "huge memfd",
	.read = generic_file_read,
	.llseek = generic_file_llseek,
	.mmap = huge_mmap,
};

long sys_memfd_create(const char __user *uname, unsigned int flags)
{
	struct file *file;
	char *name;
	int fd;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB |
		      (flags & MFD_HUGETLB ? MFD_HUGE_SIZES : 0)))
		return -EINVAL;
	name = get_memfd_name(uname);
	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = get_unused_fd(0, flags & MFD_CLOEXEC);
	if (fd < 0) {
		kfree(name);
		return fd;
	}
	file = huge_size_exists(flags) ? shmem_file_setup(name, 0, VM_NORESERVE) : ERR_PTR(-ENODEV);
	kfree(name);
	if (IS_ERR(file)) {
		put_unused_fd((unsigned int)fd);
		return PTR_ERR(file);
	}
	if (flags & MFD_HUGETLB)
		file->f_op = &huge_fops;
	if (flags & MFD_ALLOW_SEALING)
		file_shmem(file)->seals = 0;
	fd_install((unsigned int)fd, file);
	return fd;
}
