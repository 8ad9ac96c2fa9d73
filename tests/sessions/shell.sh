# The language: pipes, redirection, here-documents, loops, functions, traps.
cd /tmp && mkdir shell && cd shell

echo "# words"
a='one two' b=three
echo $a "$a" '$a' \$a "${a#one }" ${a%%o*} ${#a} ${nothing:-default} ${b:+set} ${a/one/1}
set -- "x y" z; echo $# "$1" "$*" "$@"; shift; echo $#
echo $((7 * 6)) $((0x10 + 010)) $((5 > 3 && 2)) $((1 << 10)) $((-7 / 2)) $((-7 % 3))
echo $(echo nested $(echo deeper)) `echo old`
echo {a,b} *.none "*"
printf '%5d|%-5s|%05.1f|%x|%c|%b\n' 42 ab 3.14159 255 xyz 'tab\there'

echo "# redirection"
echo out >f; echo more >>f; cat <f; cat f >&2 2>/dev/null
ls nothing 2>err; cat err; ls nothing >both 2>&1; cat both
exec 3>three; echo to three >&3; exec 3>&-; cat three
echo x >&3 2>err || echo "closed: $?"
cat <<HERE
$a and $((1 + 1)) and $(echo run)
HERE
cat <<'HERE'
$a and $((1 + 1))
HERE
cat <<-HERE
	tabs are gone
	HERE
while read -r first rest; do echo "$rest,$first"; done <<HERE
1 2 3
4 5 6
HERE
: >empty; wc -c <empty
set -C; echo no >f || echo "noclobber: $?"; set +C

echo "# pipes"
echo one two three | tr ' ' '\n' | sort | head -2 | tail -1
yes | head -c 100000 | wc -c
seq 100000 | awk '{ s += $1 } END { print s }'
false | true; echo $?; set -o pipefail; false | true; echo $?; set +o pipefail
(exit 3) | cat; ! true; echo $?
{ echo group; echo of two; } | wc -l
echo lost | (read x; echo "got $x"); echo "x is <$x>"

echo "# control"
for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done
i=0; while :; do i=$((i + 1)); [ $i -gt 3 ] && break; echo w$i; done
until [ $i -eq 0 ]; do i=$((i - 1)); done; echo $i
case abc in a?c) echo match;; *) echo none;; esac
if false; then echo no; elif true; then echo elif; fi
fact() { [ $1 -le 1 ] && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }
fact 6
f() { local v=inside; echo $v $#; return 7; }; v=outside; f a b; echo $? $v
(v=sub; echo $v; exit 4); echo $? $v
while getopts ab:c o -a -b arg -c rest; do echo "$o ${OPTARG-}"; done
eval 'echo evaluated $v'
test -f f -a ! -d f && [ 1 -lt 2 ] && [[ abc == a* ]] && echo tests
[ -x /bin/sh ] && [ -p /dev/null ] || echo "no pipe"
echo "a b" >"name with blank"; for n in *blank; do cat "$n"; done
type cd | head -1; command -v true >/dev/null && echo found
readonly r=1; (r=2) 2>/dev/null || echo readonly
unset v; echo "${v-unset}"; set -u; (echo $v) 2>/dev/null || echo "nounset"; set +u
(set -e; false; echo not reached); echo "errexit $?"
no-such-command 2>/dev/null; echo $?; ./f 2>/dev/null; echo $?
echo 'echo script $1; exit 9' >s; chmod +x s; ./s arg; echo $?
printf '#!/usr/bin/awk -f\nBEGIN { print "awk script" }\n' >s; ./s
echo 'echo sourced' >s; . ./s

echo "# signals"
trap 'echo usr1' USR1; kill -USR1 $$; trap - USR1
(trap 'echo exiting' EXIT; echo body)
(trap '' TERM; kill -TERM $(sh -c 'echo $PPID'); echo ignored)
sh -c 'kill -KILL $$'; echo $?
sh -c 'kill -SEGV $$' 2>/dev/null; echo $?
sleep 100 & p=$!; (sleep 0.2; kill $p) & wait $p; echo $?
(sleep 0.1; exit 5) & wait $!; echo $?
for i in 3 1 2; do (sleep 0.$i; echo "done $i") & done; wait
timeout 0.2 sleep 10; echo $?; timeout -s KILL 0.1 sleep 10; echo $?
sh -c 'sleep 0.1 & exec cat /dev/null'; echo exec
mkfifo p; (echo through the fifo >p) & cat p; wait
trap 'echo bye' EXIT
ulimit -n; (ulimit -n 20; ulimit -n); umask 027; umask; : >u; stat -c %a u
times >/dev/null && echo times
exec echo replaced
