/* SPDX-License-Identifier: MIT */
/*
 * Ext2: directories are files of entries that fill each block exactly; free space belongs to the
 * entry before it. A hash tree, if there is one, hides in such free space: reading in order works
 * without knowing of it, and changing anything takes the mark away that it can be trusted.
 */
#include "fs/ext2/ext2.h"

#include "fs/file.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

static u64 dir_blocks(const struct inode *dir)
{
	return (u64)dir->i_size >> EXT2_SB(dir->i_sb)->geo.block_bits;
}

static int read_dir_block(struct inode *dir, u64 n, struct buf *buf)
{
	struct ext2_sb *s = EXT2_SB(dir->i_sb);
	s64 block = ext2_get_block(dir, n, false, NULL);

	buf->page = NULL;
	if (block < 0)
		return (int)block;
	if (!block)
		return ext2_error(dir->i_sb, "directory %lu has no block %llu", dir->i_ino, n);
	return bread(s->bdev, (u64)block, s->geo.block_size, buf);
}

/* The entry at @offset of a directory's block, checked; NULL (and said so) when it is damaged. */
static struct ext2_dir_entry *entry_at(struct inode *dir, const struct buf *buf,
				       unsigned int offset)
{
	const char *bad = ext2_check_dirent(&EXT2_SB(dir->i_sb)->geo, buf->data, offset);

	if (!bad)
		return (struct ext2_dir_entry *)((char *)buf->data + offset);
	ext2_error(dir->i_sb, "an entry of directory %lu (offset %u) %s", dir->i_ino, offset, bad);
	return NULL;
}

/* After a change: times, and no trust in an index any more. */
static void dir_changed(struct inode *dir)
{
	EXT2_I(dir)->flags &= ~EXT2_INDEX_FL;
	file_update_time(dir);
	mark_inode_dirty(dir); /* its size, even if its times moved in this tick already */
}

static void set_type(struct inode *dir, struct ext2_dir_entry *de, umode_t mode)
{
	static const u8 types[16] = {
		[S_IFREG >> 12] = EXT2_FT_REG,  [S_IFDIR >> 12] = EXT2_FT_DIR,
		[S_IFCHR >> 12] = EXT2_FT_CHR,  [S_IFBLK >> 12] = EXT2_FT_BLK,
		[S_IFIFO >> 12] = EXT2_FT_FIFO, [S_IFSOCK >> 12] = EXT2_FT_SOCK,
		[S_IFLNK >> 12] = EXT2_FT_LNK,
	};

	de->file_type = EXT2_SB(dir->i_sb)->geo.has_filetype ? types[mode >> 12] : 0;
}

/*
 * Call @fn for each entry of block @n until it returns non-zero; that, 0, or -errno. @pos->buf is
 * held only if @fn stopped.
 */
static int scan_block(struct inode *dir, u64 n,
		      int (*fn)(struct inode *dir, struct ext2_dirpos *pos, void *arg), void *arg,
		      struct ext2_dirpos *pos)
{
	unsigned int offset = 0;
	int result = read_dir_block(dir, n, &pos->buf);

	pos->prev = NULL;
	while (!result && offset < pos->buf.size) {
		pos->de = entry_at(dir, &pos->buf, offset);
		result = pos->de ? fn(dir, pos, arg) : -EUCLEAN;
		if (result > 0)
			return result;
		if (!result)
			offset += pos->de->rec_len;
		pos->prev = pos->de;
	}
	brelse(&pos->buf);
	return result;
}

struct name {
	const char *text;
	unsigned int len;
};

static int match_name(struct inode *dir, struct ext2_dirpos *pos, void *arg)
{
	const struct name *name = arg;

	return pos->de->inode && pos->de->name_len == name->len &&
	       !memcmp(pos->de->name, name->text, name->len);
}

int ext2_find_entry(struct inode *dir, const char *text, unsigned int len, struct ext2_dirpos *pos)
{
	struct name name = { text, len };
	int result = 0;

	for (u64 n = 0; n < dir_blocks(dir) && !result; n++)
		result = scan_block(dir, n, match_name, &name, pos);
	return result > 0 ? 0 : result ? result : -ENOENT;
}

/* Has the entry room for a name of @arg bytes, in itself if unused or behind its own name? */
static int has_room(struct inode *dir, struct ext2_dirpos *pos, void *arg)
{
	unsigned int used = pos->de->inode ? EXT2_DIR_REC_LEN(pos->de->name_len) : 0;

	return pos->de->rec_len - used >= EXT2_DIR_REC_LEN(*(unsigned int *)arg);
}

/* A new last block, one free entry: pos->buf is held. */
static int append_block(struct inode *dir, struct ext2_dirpos *pos)
{
	struct ext2_sb *s = EXT2_SB(dir->i_sb);
	s64 block = ext2_get_block(dir, dir_blocks(dir), true, NULL);
	int err;

	if (block < 0)
		return (int)block;
	err = bget_zeroed(s->bdev, (u64)block, s->geo.block_size, &pos->buf);
	if (err)
		return err;
	pos->de = pos->buf.data;
	pos->de->rec_len = (u16)s->geo.block_size;
	dir->i_size += s->geo.block_size;
	return 0;
}

int ext2_add_entry(struct inode *dir, const char *name, unsigned int len, struct inode *inode)
{
	struct ext2_dirpos pos;
	struct ext2_dir_entry *de;
	unsigned int used;
	int result = 0;

	for (u64 n = 0; n < dir_blocks(dir) && !result; n++)
		result = scan_block(dir, n, has_room, &len, &pos);
	if (!result)
		result = append_block(dir, &pos);
	if (result < 0)
		return result;
	de = pos.de;
	if (de->inode) { /* split: what is behind its name becomes ours */
		used = EXT2_DIR_REC_LEN(de->name_len);
		de = (struct ext2_dir_entry *)((char *)de + used);
		de->rec_len = (u16)(pos.de->rec_len - used);
		pos.de->rec_len = (u16)used;
	}
	de->inode = (u32)inode->i_ino;
	de->name_len = (u8)len;
	set_type(dir, de, inode->i_mode);
	memcpy(de->name, name, len);
	bdirty(&pos.buf);
	brelse(&pos.buf);
	dir_changed(dir);
	return 0;
}

void ext2_delete_entry(struct inode *dir, struct ext2_dirpos *pos)
{
	if (pos->prev)
		pos->prev->rec_len += pos->de->rec_len;
	pos->de->inode = 0;
	bdirty(&pos->buf);
	dir_changed(dir);
}

void ext2_set_entry(struct inode *dir, struct ext2_dirpos *pos, struct inode *inode)
{
	pos->de->inode = (u32)inode->i_ino;
	set_type(dir, pos->de, inode->i_mode);
	bdirty(&pos->buf);
	dir_changed(dir);
}

int ext2_make_empty(struct inode *inode, struct inode *parent)
{
	struct ext2_dirpos pos;
	struct ext2_dir_entry *de;
	int err = append_block(inode, &pos);

	if (err)
		return err;
	de = pos.de;
	de->inode = (u32)inode->i_ino;
	de->rec_len = EXT2_DIR_REC_LEN(1);
	de->name_len = 1;
	de->name[0] = '.';
	set_type(inode, de, S_IFDIR);
	de = (struct ext2_dir_entry *)((char *)de + de->rec_len);
	de->inode = (u32)parent->i_ino;
	de->rec_len = (u16)(pos.buf.size - EXT2_DIR_REC_LEN(1));
	de->name_len = 2;
	memcpy(de->name, "..", 2);
	set_type(inode, de, S_IFDIR);
	bdirty(&pos.buf);
	brelse(&pos.buf);
	return 0;
}

static bool is_dot(const struct ext2_dir_entry *de)
{
	return de->name[0] == '.' &&
	       (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));
}

static int is_child(struct inode *dir, struct ext2_dirpos *pos, void *arg)
{
	return pos->de->inode && !is_dot(pos->de);
}

int ext2_is_empty(struct inode *dir)
{
	struct ext2_dirpos pos;
	int result = 0;

	for (u64 n = 0; n < dir_blocks(dir) && !result; n++)
		result = scan_block(dir, n, is_child, NULL, &pos);
	if (result > 0)
		brelse(&pos.buf);
	return result < 0 ? result : !result;
}

static unsigned int dirent_type(const struct ext2_sb *s, const struct ext2_dir_entry *de)
{
	static const u8 types[] = { 0,
				    S_IFREG >> 12,
				    S_IFDIR >> 12,
				    S_IFCHR >> 12,
				    S_IFBLK >> 12,
				    S_IFIFO >> 12,
				    S_IFSOCK >> 12,
				    S_IFLNK >> 12 };

	return s->geo.has_filetype && de->file_type < ARRAY_SIZE(types) ? types[de->file_type] : 0;
}

struct listing {
	struct dir_context *ctx;
	u64 base;
};

/* ctx->pos is a byte offset; entries that begin before it were given out already (or vanished). */
static int give_out(struct inode *dir, struct ext2_dirpos *pos, void *arg)
{
	struct listing *l = arg;
	struct ext2_dir_entry *de = pos->de;
	loff_t at = (loff_t)(l->base + (u64)((char *)de - (char *)pos->buf.data));

	if (at < l->ctx->pos)
		return 0;
	if (de->inode && !l->ctx->emit(l->ctx, de->name, de->name_len, de->inode,
				       dirent_type(EXT2_SB(dir->i_sb), de), at + de->rec_len))
		return 1;
	l->ctx->pos = at + de->rec_len;
	return 0;
}

static int ext2_iterate(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file->f_inode;
	unsigned int bits = EXT2_SB(dir->i_sb)->geo.block_bits;
	struct ext2_dirpos pos;
	int result = 0;

	if (ctx->pos < 0)
		return -EINVAL;
	for (u64 n = (u64)ctx->pos >> bits; n < dir_blocks(dir) && !result; n++) {
		struct listing l = { ctx, n << bits };

		result = scan_block(dir, n, give_out, &l, &pos);
	}
	if (result > 0)
		brelse(&pos.buf);
	return min(result, 0);
}

const struct file_operations ext2_dir_fops = {
	.name = "ext2 directory",
	.llseek = generic_file_llseek,
	.iterate = ext2_iterate,
	.fsync = ext2_fsync,
};
