# SPDX-License-Identifier: MIT
# stress.sh [NAME:OPERATIONS...]: stress-ng's stressors of memory, faults, processes, signals and
# futexes, each for a bounded number of operations, with --verify. Prints how each ended; 0 is good.
mkdir -p /tmp/stress && cd /tmp/stress || exit 1
size="--vm-bytes 24M --vm-rw-bytes 4M --mmap-bytes 16M --malloc-bytes 16M --bigheap-growth 1M
--memrate-bytes 4M --mremap-bytes 8M --msync-bytes 8M --memfd-bytes 8M --shm-bytes 2M
--shm-sysv-bytes 2M --fork-max 4 --vfork-max 4 --clone-max 4 --pthread-max 32"
list="brk:20000 bigheap:20 stack:20 malloc:5000 mmap:3 mmapaddr:200 mmapfixed:100 mmapfork:3
mmaphuge:10 mmapmany:4 mremap:40 madvise:3 mincore:2000 mlock:200 mprotect:2000 msync:20
munmap:2 vm:2000 vm-rw:20 vm-addr:3 shm:5 shm-sysv:5 memfd:10 memrate:1 memthrash:2
fault:200 pageswap:5 pagemove:2 remap:20 resources:2 rmap:100 stackmmap:3 tmpfs:4 tree:2
zero:200 null:2000 full:200 fork:200 vfork:200 vforkmany:20 clone:100 exec:20 exit-group:20 daemon:20
zombie:50 wait:50 spawn:20 nanosleep:20 pthread:50 tlb-shootdown:20 switch:2000
yield:2000 sigsegv:500 sigfpe:500 sigtrap:500 sigabrt:20 sigchld:50 signal:2000
signest:50 sigpending:500 sigpipe:50 sigq:500 sigrt:50 sigsuspend:500 kill:2000 futex:500
pipe:5000 pipeherd:2000 sem:500 itimer:200 timer:200 mcontend:2 memcpy:20 dentry:200 dup:20"
for one in ${*:-$list}; do
	stress-ng $size --${one%:*} 1 --${one%:*}-ops ${one#*:} --verify --oomable --timeout 20 \
		--temp-path /tmp/stress --log-brief >out 2>&1
	status=$?
	echo "${one%:*} $status"
	[ $status = 0 ] || grep -v "setting to a\|dispatching hogs\|no CPUs found\|skipping CPU" out | sed 's/^/    /'
done
