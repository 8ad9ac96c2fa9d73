/* SPDX-License-Identifier: MIT */
/* Pipes and fifos: what holds the bytes (fs/pipe.c), and the opening of its ends (fs/fifo.c). */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include "kernel/core/mutex.h"
#include "kernel/core/wait.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

struct dentry;
struct file;
struct file_operations;
struct inode;
struct iovec;

/* Does a later write go on in the frame of these bytes? Only in that of a write, and not of a packet. */
enum pipe_kind {
	PIPE_STREAM,
	PIPE_APART,
	PIPE_PACKET, /* written by O_DIRECT: one read's, whole or cut */
};

/* What one frame holds: bytes [offset, offset + len). */
struct pipe_slot {
	void *page;
	u16 offset, len;
	enum pipe_kind kind;
};

struct pipe {
	struct mutex lock;                 /* all but wait and files */
	unsigned int head, tail;           /* slots [tail, head) are in use, modulo nr_slots */
	unsigned int nr_slots;             /* a power of two */
	unsigned int readers, writers;     /* open files of each end */
	unsigned int reader_no, writer_no; /* how often each end was opened */
	unsigned int files;                /* of both ends, and pipe(2)'s inode; the last frees it; files_lock */
	struct pipe_slot *slots;
	void *spare;                 /* a frame for the next write, or NULL */
	struct wait_queue_head wait; /* both ends */
	struct list_head async;      /* files with O_ASYNC, of both ends; fasync_lock */
	struct list_head all;        /* pipes; files_lock */
	uid_t uid;                   /* who made it: its frames count as that user's */
};

/*
 * Both also without the lock, as poll(2) asks: head and tail only grow, and in this order of reading
 * the answer is one that was true meanwhile.
 */
static inline bool pipe_empty(const struct pipe *pipe)
{
	unsigned int tail = READ_ONCE(pipe->tail);

	return READ_ONCE(pipe->head) == tail;
}

static inline bool pipe_full(const struct pipe *pipe)
{
	unsigned int head = READ_ONCE(pipe->head);

	return (int)(head - READ_ONCE(pipe->tail)) >= (int)READ_ONCE(pipe->nr_slots);
}

static inline struct pipe_slot *slot_of(const struct pipe *pipe, unsigned int n)
{
	return &pipe->slots[n & (pipe->nr_slots - 1)];
}

/* Also of a fifo's inode. */
extern const struct file_operations pipe_fops;

/* Slots of pipe_fops: open(2) of a fifo, which waits for the other end; the last reference is gone. */
int fifo_open(struct inode *inode, struct file *file);
void pipe_release(struct file *file);

/* Is it an end of what pipe(2) made, by whatever way it was opened? */
bool is_nameless_pipe(const struct file *file);

/*
 * /proc/sys/fs: bytes that one who is not root may ask for, and the frames that all pipes of a user may
 * ask for before new ones are small, or refused; 0: as many as they like.
 */
#define PIPE_MAX_BYTES (1U << 31)
extern unsigned int pipe_max_size;
extern unsigned long pipe_user_pages_soft, pipe_user_pages_hard;
/* Linux's rounding of a pipe's size: frames, a power of two. 0: it cannot be so large. */
unsigned int pipe_slots_for(unsigned long size);
/*
 * May current, of whose pipes this is one, let it grow to @slots? Those who may set limits always. 0,
 * 1: only as far as the least, -EPERM.
 */
int pipe_may_have(const struct pipe *pipe, uid_t uid, unsigned int slots);

/* readv(2): one read into @count bytes of parts, of which there are some. As f_op->read. */
ssize_t pipe_readv(struct file *file, const struct iovec *vec, size_t count);

/* writev(2): the most that f_op->write_kernel gets first of @count bytes, and then in pages. */
size_t pipe_first_piece(struct file *file, size_t count);

/*
 * sendfile(2)'s write: up to a frame of the kernel's bytes, in a slot of their own. How many; -EAGAIN:
 * it is full, and O_NONBLOCK or not to @wait; -EPIPE (and SIGPIPE), -ERESTARTSYS, -ENOMEM. @count 0:
 * only waits.
 */
ssize_t pipe_send(struct file *file, const char *data, size_t count, bool wait);

/*
 * What splice(2) and its kin do with a pipe whose lock the caller holds; it wakes those who wait.
 * pipe_wait_data() waits (and lets go of the lock) until there are bytes or no writers: 0, or -EAGAIN
 * because of @nonblock, -ERESTARTSYS. pipe_wait_room(): until there is a slot; also -EPIPE and SIGPIPE.
 */
int pipe_wait_data(struct pipe *pipe, bool nonblock);
int pipe_wait_room(struct pipe *pipe, bool nonblock);
/* Up to a frame of bytes into a new slot, which there is: how many, -EFAULT, -ENOMEM. */
ssize_t pipe_put(struct pipe *pipe, const char *from, size_t count, enum pipe_kind kind,
		 bool from_kernel);
/* The oldest slot of @in, whole, into one of @out, which there is. */
void pipe_move_slot(struct pipe *in, struct pipe *out);
/*
 * Out of the pipe to user memory, frame by frame; bytes taken, or -EFAULT. What cannot be copied whole
 * from a frame stays in the pipe: no byte is lost. Packets are bytes like others.
 */
ssize_t pipe_take(struct pipe *pipe, char *to, size_t count);
/* The first @n bytes of the oldest slot are used up. */
void pipe_consume(struct pipe *pipe, size_t n);

/* fcntl(2)'s F_GETPIPE_SZ and F_SETPIPE_SZ: bytes, -EBADF for what is no pipe, -EINVAL, -EPERM, -EBUSY. */
long pipe_get_size(struct file *file);
long pipe_set_size(struct file *file, unsigned long size);

#endif
