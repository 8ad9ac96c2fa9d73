/* SPDX-License-Identifier: MIT */
/* Filling in a fault note: the answer to "what did that fault do?". Runs only while a log is on. */
#include "mm/fault/note.h"

#include "kernel/core/vfs.h"
#include "lib/string.h"
#include "lib/util.h"

static void note_file_name(struct fault_note *note, struct file *file)
{
	char path[256], *p, *slash;

	p = file_path(file, path, sizeof(path));
	if (IS_ERR(p))
		return;
	slash = strrchr(p, '/');
	strlcpy(note->name, slash && slash[1] ? slash + 1 : p, sizeof(note->name));
}

void fault_note_fill(struct fault_note *note, const struct vm_fault *vmf, vm_fault_t verdict)
{
	const struct vm_area_struct *vma = vmf->vma;

	note->door = vmf->door;
	fault_note_before(vmf);
	note->major |= verdict & VM_FAULT_MAJOR;
	if (verdict & VM_FAULT_RETRY)
		return;
	note->major |= vmf->flags & FAULT_FLAG_TRIED;
	if (vmf->pte)
		note->after = ptep_get(vmf->pte).pte;
	note->vm_start = vma->vm_start;
	note->vm_end = vma->vm_end;
	note->vm_flags = vma->vm_flags;
	note->vm_pgoff = vma->vm_pgoff;
	note->file = vma->vm_file;
	if (vma->vm_file)
		note_file_name(note, vma->vm_file);
}
