/* SPDX-License-Identifier: MIT */
/*
 * execve(2). Up to the point of no return everything is prepared beside the running program (file
 * found, headers read, strings copied into a new map), so that each error leaves it as it was.
 * After it the old map is gone, and what fails kills.
 */
#include "kernel/proc/exec.h"

#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/syscalls.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/switch.h>
#include <asm/uaccess.h>

#define PATH_MAX 4096
#define EXEC_HEAD 256 /* bytes of the file that tell what it is */

/* --- finding out what to load --- */

/*
 * A file that nobody may write while it is loaded (ETXTBSY); a program also not while it runs: the
 * map inherits the denial.
 */
static int open_denied(struct elf_program *prog, int dfd, const char *path, int flags)
{
	struct file *file = open_exec(dfd, path, flags);
	int ret;

	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	ret = deny_write_access(file);
	if (ret)
		fput(file);
	else
		prog->file = file;
	return ret;
}

/* In front of the arguments so far. */
static int prepend(struct exec *exec, const char *s)
{
	char *copy = kstrdup(s, GFP_KERNEL);
	int i;

	if (!copy)
		return -ENOMEM;
	for (i = exec->nr_prefix++; i > 0; i--)
		exec->prefix[i] = exec->prefix[i - 1];
	exec->prefix[0] = copy;
	return 0;
}

/*
 * @path was a script: arguments become interpreter, its argument, path, argv[1..]; the interpreter
 * is opened.
 */
static int load_script(struct exec *exec, const char *path, const struct script *script)
{
	int ret;

	elf_release(&exec->program);
	if (exec->path_closes)
		return -ENOENT; /* the interpreter could not read it */
	if (!exec->nr_prefix) {
		exec->skip_argv = 1;
	} else {
		/* argv[0] of a script's script is its own name, which comes again as the path. */
		kfree(exec->prefix[0]);
		memmove(exec->prefix, exec->prefix + 1,
			(size_t)--exec->nr_prefix * sizeof(exec->prefix[0]));
	}
	ret = prepend(exec, path);
	if (!ret && script->arg[0])
		ret = prepend(exec, script->arg);
	if (!ret)
		ret = prepend(exec, script->interp);
	return ret ? ret : open_denied(&exec->program, AT_FDCWD, script->interp, 0);
}

/* Follow scripts to a program, and read its headers. */
static int find_program(struct exec *exec)
{
	struct script *script = NULL;
	const char *path = exec->path;
	char *owned = NULL;
	int depth, ret = 0;

	for (depth = 0;; depth++) {
		ssize_t len = kernel_read(exec->program.file, exec->buf, EXEC_HEAD, 0);

		if (len < 0)
			ret = (int)len;
		if (len < 2 || exec->buf[0] != '#' || exec->buf[1] != '!') {
			if (!ret)
				ret = elf_read(&exec->program, exec->buf, (size_t)len);
			if (!ret)
				ret = elf_check_program(&exec->program.ehdr, &exec->program.layout);
			break;
		}
		if (!script)
			script = kmalloc(sizeof(*script), GFP_KERNEL);
		ret = depth >= SCRIPT_DEPTH_MAX ? -ELOOP :
		      script                    ? script_parse(exec->buf, (size_t)len, script) :
						  -ENOMEM;
		if (!ret)
			ret = load_script(exec, path, script);
		if (ret)
			break;
		kfree(owned);
		path = owned = kstrdup(script->interp, GFP_KERNEL);
		if (!path) {
			ret = -ENOMEM;
			break;
		}
	}
	kfree(owned);
	kfree(script);
	return ret;
}

/* The program loader that PT_INTERP names. */
static int find_interp(struct exec *exec)
{
	const struct elf_layout *layout = &exec->program.layout;
	size_t size = (size_t)layout->interp_size;
	ssize_t len;
	int ret;

	if (!layout->has_interp)
		return 0;
	len = kernel_read(exec->program.file, exec->buf, size, (loff_t)layout->interp_offset);
	if (len != (ssize_t)size)
		return len < 0 ? (int)len : -EIO;
	ret = elf_parse_interp(exec->buf, size);
	if (ret)
		return ret;
	ret = open_denied(&exec->interp, AT_FDCWD, exec->buf, 0);
	if (ret)
		return ret;
	len = kernel_read(exec->interp.file, exec->buf, EXEC_HEAD, 0);
	if (len < (ssize_t)sizeof(struct elf64_ehdr))
		return len < 0 ? (int)len : -EIO;
	ret = elf_read(&exec->interp, exec->buf, (size_t)len);
	return ret == -ENOEXEC ? -ELIBBAD : ret;
}

static int make_mm(struct exec *exec)
{
	struct mm_struct *mm = mm_alloc();

	if (!mm)
		return -ENOMEM;
	exec->mm = mm;
	if (current->mm)
		mm->dump_filter = current->mm->dump_filter;
	mm->rlim_stack = rlimit(RLIMIT_STACK);
	mm->rlim_as = rlimit(RLIMIT_AS);
	mm->rlim_data = rlimit(RLIMIT_DATA);
	mm->rlim_memlock = memlock_limit();
	layout_set_mmap_base(mm, &exec->shift, mm->rlim_stack);
	return 0;
}

/* --- the point of no return --- */

static int unshare_sighand(struct task_struct *task)
{
	struct sighand_struct *old = task->sighand, *fresh;

	if (atomic_read(&old->count) == 1)
		return 0;
	fresh = sighand_dup(old);
	if (!fresh)
		return -ENOMEM;
	spin_lock_irq(&tasklist_lock);
	spin_lock(&old->lock);
	task->sighand = fresh;
	spin_unlock(&old->lock);
	spin_unlock_irq(&tasklist_lock);
	sighand_put(old);
	return 0;
}

/* What the program is called, with zeros behind it. */
static void get_comm(const struct exec *exec, char *comm, size_t size)
{
	const char *slash = strrchr(exec->path, '/');

	memset(comm, 0, size);
	if (exec->path_is_file)
		file_name(exec->program.file, comm, size);
	else
		strlcpy(comm, slash ? slash + 1 : exec->path, size);
}

static void set_comm(struct task_struct *task, const struct exec *exec)
{
	char comm[sizeof(current->comm)];

	get_comm(exec, comm, sizeof(comm));
	task_lock(task);
	memcpy(task->comm, comm, sizeof(comm));
	trace_comm((u32)task->pid, task->comm);
	task_unlock(task);
}

static noinline void record_exec(const struct exec *exec, const struct mm_struct *old)
{
	char comm[sizeof(current->comm)];

	get_comm(exec, comm, sizeof(comm));
	trace_exec(old ? old->number : 0, exec->mm->number, comm, exec->path);
}

/* From here on the task runs in the new map; the old one goes with its last user. */
static void switch_to_new_mm(struct exec *exec)
{
	struct task_struct *task = current;
	struct mm_struct *old = task->mm, *lazy = old ? NULL : task->active_mm;

	mm_release(task);
	exec->mm->exe_file = get_file(exec->program.file);
	deny_write_access(exec->program.file); /* cannot fail: ours stands */
	use_mm(exec->mm);
	if (tracing())
		record_exec(exec, old);
	exec->mm = NULL;
	if (old) {
		spin_lock_irq(&tasklist_lock);
		task->signal->dead.maxrss = max(task->signal->dead.maxrss, mm_maxrss(old));
		spin_unlock_irq(&tasklist_lock);
		mmput(old);
	} else if (lazy) {
		mmdrop(lazy); /* borrowed at the switch to this task, which had no map */
	}
}

#define S_ISUID 0004000
#define S_ISGID 0002000
#define S_IXGRP 0000010

/*
 * The ids that the program's file says. Whoever gets others than it had, or may not read what it
 * executes, is not to be looked into.
 */
static void take_ids(struct exec *exec)
{
	bool hidden = !file_is_readable(exec->program.file) ||
		      (exec->interp.file && !file_is_readable(exec->interp.file));
	struct signal_struct *signal = current->signal;
	struct file_stat st;

	file_getattr(exec->program.file, &st);
	if ((st.mode & S_ISUID) && !signal->no_new_privs)
		signal->uid.effective = st.uid;
	if ((st.mode & S_ISGID) && (st.mode & S_IXGRP) && !signal->no_new_privs)
		signal->gid.effective = st.gid;
	signal->uid.saved = signal->uid.fs = signal->uid.effective;
	signal->gid.saved = signal->gid.fs = signal->gid.effective;
	if (signal->uid.effective != signal->uid.real || signal->gid.effective != signal->gid.real)
		hidden = true;
	signal->dumpable = hidden ? READ_ONCE(suid_dumpable) : 1;
	caps_exec(signal);
	current->mm->rlim_memlock = memlock_limit();
}

/* What a program inherits, and what it must not. */
static void reset_task(struct exec *exec)
{
	struct task_struct *task = current;

	set_comm(task, exec);
	task->flags &= ~PF_FORKNOEXEC;
	task->personality &= ~READ_IMPLIES_EXEC;
	task->signal->no_new_group = true;
	task->signal->exec_id++;
	take_ids(exec);
	if (task->signal->next_timer_id) {
		delete_posix_timers();
		flush_timer_signals();
	}
	spin_lock_irq(&task->sighand->lock);
	flush_signal_handlers(task->sighand);
	spin_unlock_irq(&task->sighand->lock);
	task->sas_sp = 0;
	task->sas_size = 0;
	task->sas_flags = SS_DISABLE;
	task->restart_fn = NULL;
	task->set_child_tid = NULL;
	close_on_exec(task->files);
}

static int load_program(struct exec *exec)
{
	struct elf_program *prog = &exec->program, *interp = &exec->interp;
	unsigned long entry, start;
	int ret = elf_map(prog, interp->file ? layout_pie_base(&exec->shift) : 0);
	long sp;

	if (!ret)
		elf_set_bounds(prog, &exec->shift);
	if (!ret && interp->file)
		ret = elf_map(interp, 0);
	if (!ret)
		ret = exec_map_vdso(exec);
	if (ret)
		return ret;
	entry = (unsigned long)prog->ehdr.e_entry + prog->bias;
	start = interp->file ? (unsigned long)interp->ehdr.e_entry + interp->bias : entry;
	/* Linux would go there and fault at once. */
	if (start >= TASK_SIZE)
		return -EFAULT;
	sp = exec_create_tables(exec, entry);
	if (sp < 0)
		return (int)sp;
	start_thread(current_pt_regs(), start, (unsigned long)sp);
	return 0;
}

/* All errors from here on end the process, unless something else does already. */
static int cross_over(struct exec *exec)
{
	int ret = de_thread();

	if (ret)
		return ret;
	ret = unshare_sighand(current);
	if (!ret)
		ret = unshare_files();
	if (!ret) {
		switch_to_new_mm(exec);
		reset_task(exec);
		ret = load_program(exec);
	}
	if (ret && !fatal_signal_pending(current)) {
		spin_lock_irq(&current->sighand->lock);
		current->sighand->action[SIGSEGV - 1].handler = SIG_DFL;
		spin_unlock_irq(&current->sighand->lock);
		force_sig(SIGSEGV);
	}
	return ret;
}

/* --- the whole --- */

static int prepare(struct exec *exec)
{
	int ret;

	layout_choose(&exec->shift);
	ret = exec_count_args(exec);
	if (!ret)
		ret = find_program(exec);
	if (!ret)
		ret = find_interp(exec);
	if (!ret)
		ret = make_mm(exec);
	return ret ? ret : exec_copy_strings(exec);
}

/* @name, from @dfd on, is what exec->path stands for. */
static int do_execve(struct exec *exec, int dfd, const char *name, int flags)
{
	int i, ret = open_denied(&exec->program, dfd, name, flags);

	if (ret)
		return ret;
	exec->buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	ret = exec->buf ? prepare(exec) : -ENOMEM;
	if (!ret)
		ret = cross_over(exec);
	exec_put_page(exec);
	mmput(exec->mm);
	elf_release(&exec->program);
	elf_release(&exec->interp);
	for (i = 0; i < exec->nr_prefix; i++)
		kfree(exec->prefix[i]);
	kvfree(exec->pointers);
	kfree(exec->buf);
	return ret;
}

int kernel_execve(const char *path, const char *const argv[], const char *const envp[])
{
	struct exec exec = { .path = path, .argv.kernel = argv, .envp.kernel = envp };

	return do_execve(&exec, AT_FDCWD, path, 0);
}

/* Path of a user into fresh kernel memory, or ERR_PTR. Free with kfree(). */
static char *get_path(const char __user *upath, bool may_be_empty)
{
	char *path = kmalloc(PATH_MAX, GFP_KERNEL);
	long len;

	if (!path)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(path, upath, PATH_MAX);
	if (len >= !may_be_empty && len < PATH_MAX)
		return path;
	kfree(path);
	return ERR_PTR(len < 0 ? -EFAULT : len ? -ENAMETOOLONG : -ENOENT);
}

#define FD_PATH_MAX (PATH_MAX + 32)

long sys_execveat(int dfd, const char __user *upath, const char __user *const __user *argv,
		  const char __user *const __user *envp, int flags)
{
	struct exec exec = { .argv.user = (unsigned long)argv, .envp.user = (unsigned long)envp };
	char *path = get_path(upath, flags & AT_EMPTY_PATH), *fd_path = NULL;
	long ret = -ENOMEM;

	if (IS_ERR(path))
		return PTR_ERR(path);
	exec.path = path;
	if (dfd != AT_FDCWD && *path != '/') {
		exec.path = fd_path = kmalloc(FD_PATH_MAX, GFP_KERNEL);
		if (!fd_path)
			goto out;
		snprintf(fd_path, FD_PATH_MAX, "/dev/fd/%d%s%s", dfd, *path ? "/" : "", path);
		exec.path_is_file = !*path;
		exec.path_closes = fd_closes_on_exec((unsigned int)dfd);
	}
	ret = flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ? -EINVAL :
							       do_execve(&exec, dfd, path, flags);
out:
	kfree(fd_path);
	kfree(path);
	return ret;
}

long sys_execve(const char __user *upath, const char __user *const __user *argv,
		const char __user *const __user *envp)
{
	return sys_execveat(AT_FDCWD, upath, argv, envp, 0);
}
