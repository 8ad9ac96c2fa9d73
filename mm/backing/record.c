/* SPDX-License-Identifier: MIT */
/* Pages of files for the recorder: see record.h. */
#include "mm/backing/record.h"

#include "kernel/core/block.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"

void __record_file(struct file *file)
{
	unsigned int told = READ_ONCE(names_changed);
	char buf[TRACE_PATH_MAX];
	const char *path = file_path(file, buf, sizeof(buf));

	file->f_told = told;
	file->f_id = inode_id(file->f_inode);
	if (!IS_ERR(path))
		trace_file(file->f_id.dev, file->f_id.ino, path);
}

void __record_mapped_file(struct file *file)
{
	if (file->f_told != READ_ONCE(names_changed))
		__record_file(file);
}

/* A raw disk, which has no inode, is (its number, 0). */
static struct file_id mapping_id(const struct address_space *mapping)
{
	if (mapping->host)
		return inode_id(mapping->host);
	return (struct file_id){ container_of(mapping, struct block_device, mapping)->dev, 0 };
}

void __record_cache(u8 op, const struct page *page)
{
	struct file_id id = mapping_id(page->mapping);

	trace_cache(op, id.dev, id.ino, page->index, page_to_pfn(page));
}

void __record_writeback(u8 op, const struct page *page)
{
	struct file_id id = mapping_id(page->mapping);

	trace_writeback(op, id.dev, id.ino, page->index, page_to_pfn(page));
}
