/* SOURCES: fs/ext2/aops.c fs/ext2/balloc.c fs/ext2/check.c fs/ext2/dir.c fs/ext2/file.c */
/* SOURCES: fs/ext2/holes.c fs/ext2/ialloc.c fs/ext2/inode.c fs/ext2/map.c fs/ext2/namei.c fs/ext2/super.c */
/* SOURCES: fs/inode.c fs/dentry.c fs/names.c fs/rename.c fs/namei.c fs/generic.c fs/perm.c */
/* SOURCES: tests/fuzz/ext2_disk.c */
/* CFLAGS: -Dbread=fuzz_bread -Dbget_zeroed=fuzz_bget_zeroed -Dbdirty=fuzz_bdirty */
/* CFLAGS: -Dbrelse=fuzz_brelse -Dbforget=fuzz_bforget -Dkmalloc=fuzz_kmalloc */
/* CFLAGS: -Dkfree=fuzz_kfree -Dkstrdup=fuzz_kstrdup */
/* CFLAGS: -Dkmem_cache_create=fuzz_cache_create -Dkmem_cache_alloc=fuzz_cache_alloc */
/* CFLAGS: -Dkmem_cache_free=fuzz_cache_free -Ddeny_write_access=fs_deny_write_access */
/* CFLAGS: -Dallow_write_access=fs_allow_write_access */
/* LIBRARY: host */
/* SPDX-License-Identifier: MIT */
/*
 * A damaged ext2 disk: mounted by the real code over the software machine, then used by system
 * calls and through mappings, and unmounted. Whatever the disk says: no stray access, no hang, no
 * lock or memory kept.
 *
 * Input: u8 (1: the large image; 2: read-only; 4: reclaim between steps), u8 number of changes, each
 * of seven bytes (what, u16 where, u8 how, u16 value, u8 width), then three bytes a step.
 */
#include "tests/fuzz/fuzz.h"

#include "fs/mount.c"

#include "fs/ext2/format.h"
#include "fs/names.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "mm/backing/xa_nodes.h"
#include "mm/space/mman.h"
#include "tests/fuzz/ext2_disk.h"
#include "tests/host/internal.h"

#define BUFFER (HOST_STACK_TOP - (256u << 10)) /* user memory for data */
#define BUFFER_SIZE (64u << 10)
#define PATHS (HOST_STACK_TOP - 4096) /* and for two paths */

static char *memory, *memories[2]; /* of the mounted disk, of both */
static struct ext2_super_block es;
static struct block_device *disks[2];
static struct task_struct *task;
static struct host_census at_rest;

/* --- what fs/ wants of its other parts --- */
void file_table_init(void)
{
}
void pseudo_init(void)
{
}
void devfs_init(void)
{
}
void proc_init(void)
{
}
void tmpfs_init(void)
{
}
void tty_init(void)
{
}
void send_sig_self(int sig)
{
	(void)sig;
}
void sync_init(void)
{
}
int sync_filesystem(struct super_block *sb)
{
	int err = sync_inodes_sb(sb);

	return err ? err : sb->s_op->sync_fs(sb);
}
int make_read_only(struct super_block *sb)
{
	return sync_filesystem(sb);
}
struct dentry *get_cwd(void)
{
	return get_root();
}
struct dentry *get_my_root(void)
{
	return get_root();
}
const struct dentry *my_root(void)
{
	return NULL;
}
bool in_groups(gid_t gid)
{
	(void)gid;
	return false;
}
umode_t current_umask(void)
{
	return 022;
}
u64 ktime_coarse_ns;
u64 ktime_get_real_ns(void)
{
	return 1700000000ULL * 1000000000;
}
void init_special_inode(struct inode *inode)
{
	(void)inode;
}

/* --- damage --- */
static unsigned int block_size(void)
{
	return 1024u << (es.s_log_block_size & 3);
}

/* Byte of the @n-th inode, counted from 0. */
static size_t inode_at(const char *image, unsigned int n)
{
	const struct ext2_group_desc *gd =
		(const void *)(image + (es.s_first_data_block + 1) * block_size());

	n %= es.s_inodes_count;
	return (size_t)gd[n / es.s_inodes_per_group].bg_inode_table * block_size() +
	       n % es.s_inodes_per_group * sizeof(struct ext2_inode);
}

/* The byte where a change goes; @image is whole. */
static size_t place(const char *image, uint8_t what, uint16_t where, size_t size)
{
	unsigned int bs = block_size(), n = where % 64;
	size_t at = inode_at(image, n);
	const struct ext2_inode *inode = (const void *)(image + at);

	switch (what % 8) {
	case 0:
		return EXT2_SUPER_OFFSET + where % 128 * 2;
	case 1:
		return (es.s_first_data_block + 1) * bs + where % 96;
	case 2:
	case 3:
		return at + (where >> 6) % 32 * 4;
	case 4:
		return at + offsetof(struct ext2_inode, i_block) + (where >> 6) % 15 * 4;
	case 5: /* the entries of a directory, whatever the inode's number says */
		while (!S_ISDIR(inode->i_mode) && n--)
			inode = (const void *)(image + inode_at(image, n));
		return (size_t)inode->i_block[where >> 15] * bs + (where >> 6) % (bs / 4) * 4;
	case 6: /* indirect blocks */
		if (!S_ISREG(inode->i_mode))
			return where % 64;
		return (size_t)inode->i_block[EXT2_IND_BLOCK + (where >> 6) % 2] * bs +
		       (where >> 7) % 64 * 4;
	default:
		return where % (size / 8) * 8;
	}
}

static uint32_t new_value(uint8_t how, uint32_t old, uint16_t raw)
{
	switch (how % 8) {
	case 0:
		return raw;
	case 1:
		return raw % es.s_blocks_count;
	case 2:
		return raw % 8 ? 0 : 1;
	case 3:
		return ~(uint32_t)(raw % 8);
	case 4:
		return es.s_blocks_count + raw % 4 - 2;
	case 5:
		return old ^ 1u << raw % 32;
	case 6:
		return old + (uint32_t)(int8_t)raw;
	default:
		return (uint32_t)raw << 16;
	}
}

static void damage(struct fuzz_input *in, const char *image, size_t size)
{
	for (unsigned int n = fuzz_u8(in) % 16; n && fuzz_more(in); n--) {
		uint8_t what = fuzz_u8(in);
		char *at = memory + place(image, what, fuzz_u16(in), size) % (size - 4);
		uint8_t how = fuzz_u8(in);
		uint16_t raw = fuzz_u16(in);
		uint32_t value;

		memcpy(&value, at, 4);
		value = new_value(how, value, raw);
		memcpy(at, &value, 1u << fuzz_u8(in) % 3);
	}
}

/* --- use --- */
static const char *const names[] = {
	"/",
	"/small",
	"/dir/file",
	"/big",
	"/sparse",
	"/empty",
	"/fast",
	"/slow",
	"/loop",
	"/dir/hard",
	"/dir/sub",
	"/many",
	"/lost+found",
	"/new",
	"/dir",
	"/dir/new",
	"/many/new",
	"/dir/..",
	"/dir/sub/.",
	"/many/a-file-with-a-rather-long-name-17",
	"/many/a-file-with-a-rather-long-name-3",
};

/* A name in user memory, the @n-th of two. */
static const char *user_name(unsigned int n, uint8_t which)
{
	const char *name = names[which % ARRAY_SIZE(names)];

	CHECK(!host_write(PATHS + n * 128, name, strlen(name) + 1).signal);
	return (const char *)(PATHS + n * 128);
}

char emitted[NAME_MAX];

static bool emit(struct dir_context *ctx, const char *name, unsigned int len, unsigned long ino,
		 unsigned int type, loff_t next_pos)
{
	(void)ctx, (void)ino, (void)next_pos;
	CHECK(len && len <= NAME_MAX && type < 16);
	memcpy(emitted, name, len); /* all of it can be read */
	return true;
}

static void map_file(struct file *file, uint8_t arg)
{
	unsigned long addr = vm_mmap(file, 0, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				     arg & 1 ? MAP_SHARED : MAP_PRIVATE, arg >> 4);

	for (unsigned int i = 0; i < 4 && !IS_ERR_VALUE(addr); i++) {
		host_read(addr + i * PAGE_SIZE, &(char){ 0 }, 1);
		if (arg & 2)
			host_put(addr + i * PAGE_SIZE, i);
	}
	if (!IS_ERR_VALUE(addr))
		vm_munmap(addr, 4 * PAGE_SIZE);
}

/* Look up @name and do something with what it is. */
static void use(uint8_t op, const char *name, uint8_t arg)
{
	struct dentry *dentry = kern_path(name, op & 1 ? LOOKUP_FOLLOW : 0);
	struct dir_context ctx = { .emit = emit };
	struct inode *inode = IS_ERR(dentry) ? NULL : dentry->d_inode;
	struct file file = { .f_mode = FMODE_READ | FMODE_WRITE };
	loff_t pos = (loff_t)arg * 1021 * (arg & 1 ? 1 : 4096);
	char text[PATH_MAX];

	if (!inode)
		return;
	atomic_set(&file.f_count, 1);
	file.f_op = inode->i_fop;
	file.f_inode = inode;
	file.f_dentry = dentry;
	file.f_mapping = inode->i_mapping;
	if (S_ISLNK(inode->i_mode))
		inode->i_op->readlink(inode, text, sizeof(text));
	else if (S_ISDIR(inode->i_mode) && inode->i_fop)
		inode->i_fop->iterate(&file, &ctx);
	else if (!S_ISREG(inode->i_mode))
		;
	else if (op % 4 == 0)
		file.f_op->read(&file, (char *)BUFFER, BUFFER_SIZE, &pos);
	else if (op % 4 == 1)
		file.f_op->write(&file, (char *)BUFFER, 64u * arg, &pos);
	else if (op % 4 == 2)
		map_file(&file, arg);
	else
		vfs_truncate(inode, arg & 128 ? pos : arg * 100);
	CHECK(atomic_read(&file.f_count) == 1);
	dput(dentry);
}

static void do_step(uint8_t op, uint8_t a, uint8_t b)
{
	const char *name = user_name(0, a), *other = user_name(1, b);

	ktime_coarse_ns++;
	switch (op % 12) {
	case 0:
		sys_mknod(name, S_IFREG | 0644, 0);
		break;
	case 1:
		sys_mkdir(name, 0755);
		break;
	case 2:
		sys_unlink(name);
		break;
	case 3:
		sys_rmdir(name);
		break;
	case 4:
		sys_rename(name, other);
		break;
	case 5:
		sys_link(name, other);
		break;
	case 6:
		sys_symlink(other, name);
		break;
	case 7:
		sync_filesystem(root->d_sb);
		break;
	default:
		use(op >> 4, names[a % ARRAY_SIZE(names)], b);
		break;
	}
}

static void rest(struct host_census *census)
{
	host_settle();
	xa_preload();
	host_census(census);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct signal_struct signal;

	(void)argc;
	(void)argv;
	host_boot(4096);
	for (int i = 0; i < 2; i++) {
		size_t size;

		fuzz_ext2_image(i, &size);
		memories[i] = calloc(1, size);
		disks[i] = host_disk_add(i ? "large" : "small", memories[i], size >> PAGE_SHIFT);
	}
	dcache_init();
	inode_cache_init();
	ext2_init();
	bdev_init();
	task = host_create();
	memset(signal.rlim, 0xff, sizeof(signal.rlim)); /* no limits */
	task->signal = &signal;
	host_switch(task);
	for (unsigned int i = 0; i < BUFFER_SIZE; i += 512)
		CHECK(!host_put(BUFFER + i, i).signal);
	user_name(0, 0);
	rest(&at_rest);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	uint8_t flags = fuzz_u8(&in);
	struct block_device *disk = disks[flags & 1];
	struct host_census after;
	const char *image = fuzz_ext2_image(flags & 1, &size);
	struct super_block *sb;
	long objects = fuzz_objects;
	char why[160];

	memory = memories[flags & 1];
	memcpy(memory, image, size);
	memcpy(&es, memory + EXT2_SUPER_OFFSET, sizeof(es));
	host_log_clear();
	damage(&in, image, size);
	sb = make_super(find_type("ext2"), disk, flags & 2 ? MS_RDONLY : 0, "disk", "",
			why);
	if (!IS_ERR(sb)) {
		root = sb->s_root;
		for (unsigned int n = 0; n < 200 && fuzz_more(&in); n++) {
			uint8_t op = fuzz_u8(&in), a = fuzz_u8(&in);

			do_step(op, a, fuzz_u8(&in));
			fuzz_blocks_released();
			if (flags & 4 && n % 8 == 0)
				host_reclaim(64);
		}
		sync_filesystem(sb);
		destroy_super(sb);
		root = NULL;
	}
	truncate_inode_pages(&disk->mapping);
	CHECK(fuzz_blocks_released() && fuzz_objects == objects);
	CHECK(!host_log_has("warning at"));
	rest(&after);
	host_census_same(&at_rest, &after, "the input");
	return 0;
}

/* Everything once, on both images; then with one pointer, one entry and one size changed. */
const unsigned long fuzz_inputs = 1000;

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const uint8_t steps[] = {
		8,  0,  0,  8,  11, 0,   8, 3,  0, 24, 4,  200, 40, 3,  3, 8, 6,  0,
		8,  7,  0,  24, 8,  0,   0, 13, 0, 24, 13, 255, 1,  15, 0, 0, 16, 0,
		4,  13, 15, 5,  3,  13,  6, 16, 6, 7,  0,  0,   2,  3,  0, 3, 10, 0,
		56, 4,  5,  56, 2,  200, 2, 19, 0, 4,  20, 16,  40, 2,  2, 2, 4,  0,
	};

	static const uint8_t changes[][7] = {
		{ 4, 11, 3, 1, 40, 0, 2 },      { 5, 12, 1, 0, 3, 0, 1 },
		{ 2, 14, 1, 0, 255, 255, 2 },   { 6, 61, 0, 4, 0, 0, 2 },
		{ 5, 0x93, 0x3d, 5, 23, 0, 2 }, /* the last name of a block goes beyond it */
		{ 5, 0x93, 0x3d, 0, 40, 0, 1 }, /* ... has too little of it left behind */
	};

	if (n >= 3 + ARRAY_SIZE(changes) || size < sizeof(steps) + 16)
		return 0;
	buf[0] = (uint8_t)(n < 2 ? n : n == 2 ? 2 : n == 3 ? 1 : 0);
	if (n >= 3) {
		buf[1] = 1;
		memcpy(buf + 2, changes[n - 3], 7);
	}
	n = buf[1] ? 9 : 2;
	memcpy(buf + n, steps, sizeof(steps));
	return n + sizeof(steps);
}
