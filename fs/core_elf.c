/* SPDX-License-Identifier: MIT */
/*
 * A core as an ELF file (System V gABI, chapter 5; the notes are those of linux/elfcore.h and
 * linux/elf.h of Linux's user headers): notes that tell of the process and each thread, then its
 * memory, a PT_LOAD for each mapping. What of them is written is Linux 6.1's choice, so that tools
 * find what they find there.
 *
 * Only the threads of this process stand still; who shares the map without being one of them may
 * change it meanwhile. So the mappings are listed once, under mmap_lock, and that list is written.
 */
#include "fs/coredump.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/seq_buf.h"
#include "kernel/proc/elf.h"
#include "kernel/proc/pid.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/fault/fault.h"
#include "mm/fault/special.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/fpu.h>
#include <asm/switch.h>
#include <asm/uaccess.h>

#define ET_CORE 4
#define PT_NOTE 4
#define PN_XNUM 0xffff /* so many program headers cannot be counted in the file's header */

#define NT_PRSTATUS 1
#define NT_PRFPREG 2
#define NT_PRPSINFO 3
#define NT_AUXV 6
#define NT_X86_XSTATE 0x202
#define NT_SIGINFO 0x53494749
#define NT_FILE 0x46494c45
#define FILE_NAMES_MAX MiB(4) /* with longer ones there is no NT_FILE */

struct prstatus {
	s32 signo, code, error;
	s16 cursig, pad;
	u64 sigpend, sighold;
	s32 pid, ppid, pgrp, sid;
	s64 utime[2], stime[2], cutime[2], cstime[2]; /* seconds, microseconds */
	struct pt_regs regs;
	u64 fs_base, gs_base, ds, es, fs, gs;
	s32 fpvalid, pad2;
};

struct prpsinfo {
	char state, sname, zombie, nice;
	u64 flag;
	u32 uid, gid;
	s32 pid, ppid, pgrp, sid;
	char fname[16];
	char args[80];
};

BUILD_BUG_ON(sizeof(struct prstatus) != 336);
BUILD_BUG_ON(sizeof(struct prpsinfo) != 136);

/* A mapping, and how many of its bytes, from its start on, go into the core. */
struct core_vma {
	unsigned long start, end, flags, size;
};
#define IF_ELF 1 /* size: a page, should the mapping begin with an ELF header */

/* What the core is made of before any of it is written. */
struct contents {
	struct seq_buf vmas;         /* struct core_vma */
	struct seq_buf files, names; /* NT_FILE */
	struct seq_buf notes;
};

/* --- mappings --- */

static unsigned long dump_size(const struct vm_area_struct *vma)
{
	unsigned int filter = READ_ONCE(vma->vm_mm->dump_filter);
	const struct inode *inode = vma->vm_file ? vma->vm_file->f_inode : NULL;
	bool whole;

	if (special_mapping_of(vma))
		return vma->vm_end - vma->vm_start;
	if (vma->vm_flags & (VM_DONTDUMP | VM_IO))
		return 0;
	if (vma->vm_flags & VM_SHARED)
		whole = filter &
			(inode && inode->i_nlink ? MMF_DUMP_MAPPED_SHARED : MMF_DUMP_ANON_SHARED);
	else
		whole = (vma->anon_vma && filter & MMF_DUMP_ANON_PRIVATE) ||
			(inode && filter & MMF_DUMP_MAPPED_PRIVATE);
	if (whole)
		return vma->vm_end - vma->vm_start;
	if (vma->vm_flags & VM_SHARED || !inode || vma->vm_pgoff || !(vma->vm_flags & VM_READ) ||
	    !(filter & MMF_DUMP_ELF_HEADERS))
		return 0;
	return inode->i_mode & 0111 ? PAGE_SIZE : IF_ELF;
}

/* A row of NT_FILE. */
static void list_file(struct contents *c, const struct vm_area_struct *vma, char *buf)
{
	const u64 row[] = { vma->vm_start, vma->vm_end, vma->vm_pgoff };
	const char *path = file_path(vma->vm_file, buf, PATH_MAX);

	if (IS_ERR(path))
		return;
	seq_write(&c->files, row, sizeof(row));
	seq_write(&c->names, path, strlen(path) + 1);
	if (c->names.len > FILE_NAMES_MAX)
		c->names.failed = true;
}

static void list_vmas(struct contents *c)
{
	struct mm_struct *mm = current->mm;
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	struct vm_area_struct *vma;

	c->vmas.failed = !buf || mmap_read_lock_killable(mm);
	if (!c->vmas.failed) {
		for_each_vma(mm, vma) {
			struct core_vma v = { vma->vm_start, vma->vm_end, vma->vm_flags,
					      dump_size(vma) };

			seq_write(&c->vmas, &v, sizeof(v));
			if (vma->vm_file)
				list_file(c, vma, buf);
		}
		mmap_read_unlock(mm);
	}
	kfree(buf);
}

/* Those that are to begin with an ELF header: do they? Read as by the process: no lock is held. */
static void look_for_headers(struct core_vma *v, size_t n)
{
	char magic[4];

	for (; n; v++, n--)
		if (v->size == IF_ELF)
			v->size = !copy_from_user(magic, (void *)v->start, sizeof(magic)) &&
						  !memcmp(magic, "\177ELF", sizeof(magic)) ?
					  PAGE_SIZE :
					  0;
}

/* --- notes --- */

static void begin_note(struct seq_buf *m, const char *name, u32 type, size_t len)
{
	const u32 head[] = { (u32)strlen(name) + 1, (u32)len, type };
	char padded[8] = "";

	strlcpy(padded, name, sizeof(padded));
	seq_write(m, head, sizeof(head));
	seq_write(m, padded, sizeof(padded));
}

static void put_note(struct seq_buf *m, u32 type, const void *data, size_t len)
{
	begin_note(m, "CORE", type, len);
	seq_write(m, data, len);
}

static void set_time(s64 to[2], u64 ns)
{
	to[0] = (s64)(ns / NSEC_PER_SEC);
	to[1] = (s64)(ns % NSEC_PER_SEC / 1000);
}

static void put_prstatus(struct seq_buf *m, struct task_struct *task, int sig)
{
	struct process_times times;
	struct process_ids ids;
	struct prstatus status = {
		.signo = sig,
		.cursig = (s16)sig,
		.sigpend = task->pending_mask,
		.sighold = task->blocked,
		.pid = task->pid,
		.regs = *task_pt_regs(task),
		.fs_base = task->fs_base,
		.gs_base = task->gs_base,
		.fpvalid = 1,
	};
	bool leader = task->group_leader == task;

	get_process_ids(task, &ids);
	get_process_times(task, &times);
	status.ppid = ids.ppid;
	status.pgrp = ids.pgrp;
	status.sid = ids.session;
	set_time(status.utime, leader ? times.utime_ns : task->utime_ns);
	set_time(status.stime, leader ? times.stime_ns : task->stime_ns);
	set_time(status.cutime, times.cutime_ns);
	set_time(status.cstime, times.cstime_ns);
	put_note(m, NT_PRSTATUS, &status, sizeof(status));
}

/* In the bytes that are the software's stands XCR0, by which gdb tells what the rest is. */
static void put_fpu(struct seq_buf *m, const struct task_struct *task)
{
	const u64 software[(FXSAVE_SIZE - FXSAVE_SOFTWARE) / 8] = { fpu_xfeatures };
	const char *area = task->fpu;

	put_note(m, NT_PRFPREG, area, FXSAVE_SIZE);
	if (!fpu_xfeatures)
		return;
	begin_note(m, "LINUX", NT_X86_XSTATE, fpu_area_size);
	seq_write(m, area, FXSAVE_SOFTWARE);
	seq_write(m, software, sizeof(software));
	seq_write(m, area + FXSAVE_SIZE, fpu_area_size - FXSAVE_SIZE);
}

static void put_prpsinfo(struct seq_buf *m)
{
	struct task_struct *leader = current->group_leader;
	const struct mm_struct *mm = current->mm;
	struct prpsinfo info = {
		.sname = task_state_char(leader),
		.nice = leader->nice,
		.uid = current->signal->uid.real,
		.gid = current->signal->gid.real,
		.pid = leader->pid,
	};
	size_t len = min(mm->arg_end - mm->arg_start, sizeof(info.args) - 1);
	struct process_ids ids;

	get_process_ids(leader, &ids);
	info.ppid = ids.ppid;
	info.pgrp = ids.pgrp;
	info.sid = ids.session;
	info.zombie = info.sname == 'Z';
	while (info.state < 4 && "RSDT"[(int)info.state] != info.sname)
		info.state++;
	memcpy(info.fname, leader->comm, sizeof(info.fname));
	if (copy_from_user(info.args, (void *)mm->arg_start, len))
		memset(info.args, 0, sizeof(info.args));
	for (size_t i = 0; i < len; i++)
		if (!info.args[i])
			info.args[i] = ' ';
	put_note(m, NT_PRPSINFO, &info, sizeof(info));
}

static void put_auxv(struct seq_buf *m)
{
	const unsigned long *auxv = current->mm->saved_auxv;
	size_t n = 0;

	while (n + 2 < ARRAY_SIZE(current->mm->saved_auxv) && auxv[n])
		n += 2;
	put_note(m, NT_AUXV, auxv, (n + 2) * sizeof(auxv[0]));
}

static void put_file_rows(struct contents *c)
{
	const u64 head[] = { c->files.len / 24, PAGE_SIZE };
	size_t len = sizeof(head) + c->files.len + c->names.len;

	if (c->files.failed || c->names.failed)
		return;
	begin_note(&c->notes, "CORE", NT_FILE, len);
	seq_write(&c->notes, head, sizeof(head));
	seq_write(&c->notes, c->files.buf, c->files.len);
	seq_write(&c->notes, c->names.buf, c->names.len);
	while (c->notes.len % 4)
		seq_putc(&c->notes, '\0');
}

/* The thread that dies comes first, with what is said of the whole process. */
static void make_notes(struct contents *c, const struct core *core)
{
	u8 info[SI_MAX_SIZE] = { 0 };
	int sig = core->info->si_signo;
	struct task_struct *t;

	fpu_save(current->fpu);
	memcpy(info, core->info, sizeof(*core->info));
	put_prstatus(&c->notes, current, sig);
	put_prpsinfo(&c->notes);
	put_note(&c->notes, NT_SIGINFO, info, sizeof(info));
	put_auxv(&c->notes);
	put_file_rows(c);
	put_fpu(&c->notes, current);
	for (pid_t pid = 1; (t = find_get_next_thread(current, pid)); put_task_struct(t)) {
		pid = t->pid + 1;
		if (t->flags & PF_IN_CORE) {
			put_prstatus(&c->notes, t, sig);
			put_fpu(&c->notes, t);
		}
	}
}

/* --- the file --- */

/* The file's header and the program headers; *data is where what they speak of begins. */
static bool write_headers(struct core *core, const struct contents *c, loff_t *data)
{
	const struct core_vma *v = (const void *)c->vmas.buf;
	size_t n = c->vmas.len / sizeof(*v);
	struct elf64_ehdr ehdr = {
		.e_ident = "\177ELF\2\1\1", /* 64 bits, little-endian, version 1 */
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof(ehdr),
		.e_ehsize = sizeof(ehdr),
		.e_phentsize = sizeof(struct elf64_phdr),
		.e_phnum = (u16)(n + 1),
	};
	struct elf64_phdr phdr = { .p_type = PT_NOTE, .p_filesz = c->notes.len };
	bool ok;

	phdr.p_offset = sizeof(ehdr) + (n + 1) * sizeof(phdr);
	*data = (loff_t)PAGE_ALIGN(phdr.p_offset + phdr.p_filesz);
	ok = core_write(core, &ehdr, sizeof(ehdr)) && core_write(core, &phdr, sizeof(phdr));
	for (u64 at = (u64)*data; ok && n; at += v->size, v++, n--) {
		phdr = (struct elf64_phdr){
			.p_type = PT_LOAD,
			.p_flags = (v->flags & VM_READ ? PF_R : 0) |
				   (v->flags & VM_WRITE ? PF_W : 0) |
				   (v->flags & VM_EXEC ? PF_X : 0),
			.p_offset = at,
			.p_vaddr = v->start,
			.p_filesz = v->size,
			.p_memsz = v->end - v->start,
			.p_align = PAGE_SIZE,
		};
		ok = core_write(core, &phdr, sizeof(phdr));
	}
	return ok;
}

/* What was never there, or is not to be had, is left out: a hole in the file. */
static bool write_memory(struct core *core, const struct core_vma *v, void *page)
{
	for (unsigned long addr = v->start; addr < v->start + v->size; addr += PAGE_SIZE) {
		if (access_remote_vm(current->mm, addr, page, PAGE_SIZE, FOLL_FORCE | FOLL_DUMP) <
		    PAGE_SIZE)
			core->pos += PAGE_SIZE;
		else if (!core_write(core, page, PAGE_SIZE))
			return false;
		if (fatal_signal_pending(current))
			return false;
		cond_resched();
	}
	return true;
}

static void write_core(struct core *core, const struct contents *c, void *page)
{
	const struct core_vma *v = (const void *)c->vmas.buf;
	loff_t data;

	if (!write_headers(core, c, &data) || !core_write(core, c->notes.buf, c->notes.len))
		return;
	core->pos = data;
	for (size_t n = c->vmas.len / sizeof(*v); n; v++, n--)
		if (!write_memory(core, v, page))
			return;
	if (core->pos > core->file->f_inode->i_size) /* a hole at its end */
		vfs_truncate(core->file->f_inode, core->pos);
}

bool elf_core_dump(struct core *core)
{
	void *page = get_zeroed_page(GFP_KERNEL);
	struct contents c = { 0 };
	bool ok;

	list_vmas(&c);
	look_for_headers((void *)c.vmas.buf, c.vmas.len / sizeof(struct core_vma));
	make_notes(&c, core);
	ok = page && !c.vmas.failed && !c.notes.failed &&
	     c.vmas.len / sizeof(struct core_vma) < PN_XNUM - 1;
	if (ok)
		write_core(core, &c, page);
	kvfree(c.vmas.buf);
	kvfree(c.files.buf);
	kvfree(c.names.buf);
	kvfree(c.notes.buf);
	if (page)
		free_page(page);
	return ok;
}
