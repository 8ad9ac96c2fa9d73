# What a machine shows and lets root do; numbers that are the machine's own become N.
cd /root && mkdir system && cd system
n() { sed 's/[0-9][0-9.]*/N/g; s/  */ /g; s/ $//'; }

echo "# who and where"
id; whoami; hostname; uname -s; uname -m; echo $HOME; nproc; arch; logname 2>/dev/null || echo no name
date -u -d @1000000000; TZ=UTC-3 date -d @0 +%H:%M; cal 2 2024 | tail -3; uptime | n | cut -c1-6; env | grep -c PATH
printenv HOME; env -i A=1 env; taskset -p $$ | cut -d: -f2
getopt -o a -- -a b; sleep 0.01; usleep 10; setsid true && echo setsid

echo "# processes"
sleep 100 & p=$!; sleep 0.1
ps -o pid,ppid,comm,args | awk -v p=$p '$1 == p { print $3, $4, $5 }'
ps -o stat,vsz,rss,tty,comm | head -1; ps | head -1; ps -o comm | grep -c '^sleep$'
pidof sleep | wc -w; kill -0 $p && echo alive; renice 3 $p 2>&1 | n; cat /proc/$p/comm
tr '\0' ' ' </proc/$p/cmdline; echo; readlink /proc/$p/cwd; ls /proc/$p/fd | tr '\n' ' '; awk '/^State/ { print $2, $3 }' /proc/$p/status
killall sleep; wait $p 2>/dev/null; echo $?; kill -l 9; kill -l | head -c 5 | wc -c; killall nothing 2>&1
top -b -n1 | head -4 | n | sed 's/^Mem:.*/Mem/; s/^CPU:.*/CPU/; s/^Load.*/Load/' ; time -f %x true 2>&1; cat /proc/self/stat | wc -w; 

echo "# memory"
free | n | head -1; free | awk 'NR > 1 { print $1 }'; awk '/^MemTotal|^SwapTotal/ { print $1, $3 }' /proc/meminfo
dd if=/dev/zero of=swapfile bs=1M count=4 2>/dev/null; chmod 600 swapfile; mkswap swapfile | n | head -1; swapon swapfile; echo $?
awk 'NR == 1 { print $1, $2, $3, $4, $5 } /swapfile/ { print $1, $2, $3 }' /proc/swaps; swapon swapfile 2>&1; swapoff swapfile; echo $?
grep -c swapfile /proc/swaps; swapoff swapfile 2>&1; sysctl -n vm.overcommit_memory; cat /proc/sys/kernel/ostype
sysctl -w vm.overcommit_memory=1; cat /proc/sys/vm/overcommit_memory; sysctl -w vm.overcommit_memory=0

echo "# file systems"
mkdir m; mount -t tmpfs -o size=1m none m; echo $?; df m | awk 'NR == 2 { print $1, $2, $6 }'; echo file >m/f; cat m/f
dd if=/dev/zero of=m/big bs=64k count=40 2>&1 | head -1; ls m; mount | grep system/m | sed 's/ (.*//'; umount m; echo $?; ls m; umount m 2>&1
df / | awk 'NR == 2 { print $6 }'; df -h / | head -1; grep -c ' /proc ' /proc/mounts
mknod null c 1 3; echo lost >null; cat null; ls -l null | awk '{ print $1, $5, $6 }'; mknod x b 7 0 && ls -l x | cut -c1; rm null x
grep -w ext2 /proc/filesystems | tr -d '\t'; grep -w tmpfs /proc/filesystems; sync; stat -f -c %T .; blockdev --getss /dev/vda
: >/dev/full; echo x 2>&1 >/dev/full; head -c 3 /dev/full | od -An -tx1; head -c 8 /dev/urandom | wc -c; ls -l /dev/null | cut -c1-10
dmesg | head -c 1 | wc -c; dmesg -n 1; echo from user >/dev/kmsg; dmesg | tail -1 | sed 's/.*\] //'; dmesg -c >/dev/null; dmesg | wc -l
rm swapfile; ls
