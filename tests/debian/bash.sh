#!/bin/bash
# SPDX-License-Identifier: MIT
# What bash and coreutils do with processes, descriptors, signals and files. Prints nothing that
# depends on process ids or time; both kernels must give the same bytes.
cd /tmp || exit 1
say() { printf '== %s\n' "$*"; }

say functions, arrays, arithmetic
fact() { local n=$1; ((n < 2)) && { echo 1; return; }; echo $((n * $(fact $((n - 1))))); }
fact 10
list=(pear apple fig "two words")
list+=(last)
echo "${#list[@]} ${list[1]} ${list[@]:1:2} ${list[*]/p/P}"
declare -A map=([one]=1 [two]=2 [three]=3)
for key in $(printf '%s\n' "${!map[@]}" | sort); do echo "$key=${map[$key]}"; done
mapfile -t lines < <(seq 5)
echo "${lines[*]} sum $((${lines[@]/%/+}0))"

say expansion, patterns, here-documents
path=/usr/lib/libx.so.1
echo "${path##*/} ${path%.so*} ${path/lib/LIB} ${path^^} ${#path} ${none:-default}"
[[ abc123 =~ ^([a-z]+)([0-9]+)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
case file.tar.gz in *.zip) echo zip ;; *.tar.*) echo tar ;; esac
cat <<END
here $((6 * 7)) and $(echo substituted)
END
cat <<<"a here-string"
mkdir -p glob/{a,b}{1,2} && touch glob/a1/x.c glob/b2/{y,z}.h && shopt -s globstar && echo glob/**/*.[ch]

say pipes and their statuses
seq 1000 | sort -rn | head -n 3 | tac
true | false | exit 3 | true
echo "${PIPESTATUS[*]}"
set -o pipefail; false | true; echo $?; set +o pipefail
yes | head -n 1; echo "${PIPESTATUS[*]}"
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/caught /'

say process substitution and coprocesses
diff <(seq 3) <(seq 2 4)
seq 5 | tee >(wc -l >tee.out) >/dev/null; wait $!; cat tee.out
coproc DOUBLE { while read -r n; do echo $((2 * n)); done; }
for n in 4 21; do echo $n >&"${DOUBLE[1]}"; read -r answer <&"${DOUBLE[0]}"; echo "$answer"; done
eval "exec ${DOUBLE[1]}>&-"; wait

say descriptors
exec 7>seven; echo to seven >&7; exec 7>&-; exec 8<seven; read -r line <&8; echo "$line"; exec 8<&-
mkfifo pipe && { cat pipe & echo through a pipe with a name >pipe; wait; }
(exec 9<>both; flock 9; echo locked; printf abc >&9); cat both; echo
read -r -t 0.05 line <> pipe; echo "timeout $(($? > 128))"
: >append; for i in 1 2 3; do echo $i >>append & done; wait; sort append
ls /nonexistent 2>&1; cat <&- 2>&1; echo x >/ 2>/dev/null || echo "no write to a folder"

say traps and signals
trap 'echo got USR1' USR1; kill -USR1 $$; trap - USR1
(trap 'echo leaving; exit 5' EXIT; exit 4); echo $?
bash -c 'kill -TERM $$'; echo $?
(trap '' INT; kill -INT $BASHPID; echo ignored)
trap 'echo error on line' ERR; false; trap - ERR
sleep 60 & kill $!; wait $! 2>/dev/null; echo "ended by $(($? - 128))"
(ulimit -f 8; trap '' XFSZ; dd if=/dev/zero of=limited bs=1024 count=20 2>/dev/null; stat -c %s limited)

say jobs
until_job() { # the job that began last becomes $1
	for _ in {1..500}; do [[ $(jobs %%) == *$1* ]] && { echo "$1"; return; }; sleep 0.02; done
	echo "never $1"
}
jobs >/dev/null; set -m
sleep 60 & sleep 60 &
jobs | sed 's/^\[[0-9]*\]//; s/  */ /g'
kill -STOP %%; until_job Stopped; kill -CONT %%; until_job Running
kill %- %+; wait 2>/dev/null; set +m
for i in 1 2 3 4 5; do (exit $i) & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; echo -n "$? "; done; echo

say files
touch -d 2020-02-03T04:05:06Z old && TZ=UTC stat -c '%y %s %a %F' old
ln -s old soft; ln old hard; stat -c '%N %h' soft hard; readlink -f soft; rm hard
chmod 4751 old; stat -c %A old; umask 077; touch private; stat -c %a private; umask 022
mkdir -p d/e/f; echo x >d/e/f/g; cp -a d copy; find copy | sort; mv copy moved; rm -r d moved
truncate -s 1M sparse; stat -c '%s %b' sparse; du -k sparse; cmp -n 4096 sparse /dev/zero && echo zeros
seq 20000 | split -l 5000 - part. && cat part.* | md5sum && wc -l part.* | tail -n 1
[ "$(head -c 300000 /dev/urandom | tee random | md5sum)" = "$(md5sum <random)" ] && echo same
tar -cf t.tar -C glob . && tar -tf t.tar | sort && mkdir x && tar -xf t.tar -C x && diff -r glob x && echo equal
df --output=fstype / | tail -n 1; pwd -P; test -d /proc/self/fd && echo fds
seq 30000 | shuf --random-source=<(seq 100000) | sort -n | uniq | md5sum
seq 300 | xargs -P 3 -n 10 echo | wc -w
find /usr/share -type f 2>/dev/null | wc -l | awk '{ print ($1 > 0) }'
env -i A=b "$BASH" --norc -c 'echo $A $0 "$@"' name 1 2
timeout 0.1 sleep 10; echo $?
nice -n 5 nice; nproc; date -u -d @86400 +%F; printf '%(%Y)T\n' 0
type -t say; command -v awk >/dev/null && awk 'BEGIN { for (i = 0; i < 100000; i++) s += i; print s }'
echo 'ends'
