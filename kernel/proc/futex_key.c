/* SPDX-License-Identifier: MIT */
/*
 * Where the waiters of futexes hang: a hash table by key. Private words have map and address for a key,
 * words in shared memory file and offset, so that processes meet there whatever address each has
 * mapped it at.
 */
#include "kernel/proc/futex.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"
#include "mm/fault/fault.h"
#include <asm/uaccess.h>

#define NR_BUCKETS 256
static struct futex_bucket buckets[NR_BUCKETS];

void futex_init(void)
{
	int i;

	for (i = 0; i < NR_BUCKETS; i++) {
		spin_lock_init(&buckets[i].lock, "futex_bucket");
		INIT_LIST_HEAD(&buckets[i].waiters);
	}
}

/* @mapping's page is locked: it has its owner, an inode, as long. */
static unsigned long mapping_id(struct address_space *mapping)
{
	static unsigned long last_id = 1;
	unsigned long id = READ_ONCE(mapping->futex_id);

	if (id)
		return id;
	id = __atomic_add_fetch(&last_id, 2, __ATOMIC_RELAXED);
	cmpxchg(&mapping->futex_id, 0, id);
	return READ_ONCE(mapping->futex_id);
}

/*
 * As if for writing: a page of a private file mapping must become ours before it is asked what it
 * is. A read-only mapping of a file can be waited on all the same; nobody else will ever see a word
 * that is anonymous and read-only, so there is nothing to wait for.
 */
static long shared_key(unsigned long address, struct futex_key *key)
{
	struct page *page = get_user_page(current->mm, address, true);
	bool read_only = IS_ERR(page);
	struct address_space *mapping;
	long ret = 0;

	if (read_only)
		page = get_user_page(current->mm, address, false);
	if (IS_ERR(page))
		return PTR_ERR(page);
	lock_page(page);
	mapping = page_mapping(page);
	if (read_only && (PageAnon(page) || !mapping)) {
		ret = -EFAULT;
	} else if (mapping && !PageSwapCache(page)) {
		key->object = mapping_id(mapping);
		key->place = (page->index << PAGE_SHIFT) + (address & ~PAGE_MASK);
	}
	unlock_page(page);
	put_page(page);
	return ret;
}

long futex_get_key(u32 __user *addr, bool shared, struct futex_key *key)
{
	unsigned long address = (unsigned long)addr;

	if (address & 3)
		return -EINVAL;
	if (!access_ok(addr, sizeof(*addr)))
		return -EFAULT;
	*key = (struct futex_key){ (unsigned long)current->mm, address };
	return shared ? shared_key(address, key) : 0;
}

bool futex_same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->place == b->place;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	unsigned long hash =
		(key->object >> 6) ^ key->object ^ (key->place >> 2) ^ (key->place >> PAGE_SHIFT);

	return &buckets[hash * 0x9e3779b97f4a7c15UL >> 56];
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a > b)
		swap(a, b);
	spin_lock(&a->lock);
	if (a != b)
		spin_lock(&b->lock);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

int futex_read_atomic(u32 *value, u32 __user *addr)
{
	int ret;

	current->pagefault_disabled++;
	ret = get_user(*value, addr);
	current->pagefault_disabled--;
	return ret;
}

int futex_exchange_atomic(u32 __user *addr, u32 old, u32 new)
{
	u32 found;
	int ret;

	current->pagefault_disabled++;
	ret = cmpxchg_user(&found, addr, old, new);
	current->pagefault_disabled--;
	if (ret)
		return -EFAULT;
	return found == old ? 0 : -EAGAIN;
}

int futex_bring_writable(u32 __user *addr)
{
	u32 value;

	/* An exchange that changes nothing. */
	return get_user(value, addr) || cmpxchg_user(&value, addr, value, value) ? -EFAULT : 0;
}
