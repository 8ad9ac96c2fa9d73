# busybox's tools: text, files, archives, sums.
cd /root && mkdir tools && cd tools

echo "# text"
seq 1 20 | grep 1 | grep -v 0 | grep -c .
printf 'b 2\na 10\nc 1\na 9\n' >t
sort t; sort -k2n t; sort -u -k1,1 t; sort -r t | uniq -w1 2>/dev/null | wc -l
cut -d' ' -f2 t | paste -s -d+ | bc
awk '{ n[$1] += $2 } END { for (k in n) print k, n[k] }' t | sort
awk 'BEGIN { printf "%s %d %.3f\n", toupper("abc"), length("hello"), 22 / 7; print substr("faultline", 6) }'
sed -n '2,3p;$=' t; sed 's/\([a-z]\) \([0-9]*\)/\2-\1/' t; sed -i '/^a/d' t; cat t
echo hello | tr a-y b-z | rev; echo abc | od -An -c; echo abc | hexdump -C; echo abc | xxd -p
echo 'one,two' | awk -F, -v OFS=: '{ $1 = $1; print; print NF }'
printf 'a\tb\n' | expand | cat -A; printf 'l1\nl2\nl3\n' | tac; nl t; fold -w3 <<HERE
abcdefgh
HERE
printf '1\n2\n' >x; printf '2\n3\n' >y; diff x y; diff -u x y | tail -n +3; cmp x y
diff -u x y >change; patch x change >/dev/null && cmp x y && echo patched
printf 'needle\0hay\0' | tr '\0' '\n' | grep -n needle; echo aXbX | tr -d X; echo aabb | tr -s ab
head -c 5 /dev/zero | tr '\0' z; echo; strings /bin/busybox | grep -c '^BusyBox v'
echo '2^64; scale=5; 1/3' | bc; echo 5 3 + p | dc; expr 5 \* 7; expr abcdef : 'abc\(.*\)'; factor 360
wc t /etc/passwd; basename /a/b.c .c; dirname /a/b.c; seq -s, 3; yes no | head -2; printf 'x%.0s' 1 2 3; echo
vi -c ':%s/needle/thread/' -c ':wq' /dev/null >/dev/null 2>&1 </dev/null; echo vi ends
printf 'one\ntwo\n' >e; printf '1s/one/1/\nw\nq\n' | ed e; cat e

echo "# files"
mkdir -p d/e/f; for i in 1 2 3; do echo $i >d/e/file$i; done; : >d/empty
find d | sort; find d -type f -size -1 -o -name 'file[12]' | sort; find d -name 'file*' -exec cat {} + | sort
find d -type f -print0 | xargs -0 ls -1 | wc -l; rm d/empty; ls -R d; echo 1 2 3 | xargs -n1 echo n
ln -s d/e link; ls link; readlink link; readlink -f link/file1; ln d/e/file1 hard; stat -c '%h %s %F %a' hard
cp -a d d2; diff -r d d2 && echo equal; mv d2/e d2/moved; ls d2; rm -r d2; [ -e d2 ] || echo gone
chmod 640 hard; stat -c %A hard; chmod a+x,u-w hard; stat -c %a hard; chown 1:2 hard; stat -c %u:%g hard
touch -d '2020-02-03 04:05:06' hard; stat -c %y hard | cut -d. -f1; date -r hard +%F; ls -l hard | awk '{ print $1, $3, $4, $5 }'
dd if=/dev/zero of=z bs=4k count=10 2>&1 | head -2; dd if=z of=z2 bs=1k skip=2 seek=1 count=3 2>/dev/null; stat -c %s z z2
dd if=/dev/urandom of=r bs=64k count=4 2>/dev/null; cp r r2; cmp r r2 && echo random
truncate -s 1M sparse; du -k sparse | cut -f1; stat -c %s sparse; fallocate -l 64k full; du -k full | cut -f1
mktemp -u /tmp/abc.XXXXXX | wc -c
tee copy1 copy2 <t >/dev/null; cat copy1 copy2 | wc -l; cp t inst; rm inst; ls inst 2>&1
mkdir no && chmod 0 no && ls -d no; rmdir no; ls no 2>&1; rm nothing 2>&1; rm -f nothing; cat . 2>&1
mkfifo fifo; (seq 3 >fifo) & sort -r fifo; wait; stat -c %F fifo /dev/null /dev/vda .
touch -- -dash; ls -- -*; rm -- -dash; touch 'a
b'; ls -1 a?b; rm a?b; ls -a | head -2; realpath ..; pwd

echo "# archives and sums"
tar cf a.tar d && tar tf a.tar && mkdir out && tar xf a.tar -C out && diff -r d out/d && echo tar
tar czf a.tgz d && tar tzf a.tgz | wc -l; gzip -c r | gunzip | cmp - r && echo gzip; bzip2 -c r | bunzip2 | cmp - r && echo bzip2
gzip z && ls z.gz && zcat z.gz | wc -c; find d | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null
echo abc | md5sum; echo abc | sha256sum; echo abc | sha1sum; echo abc | cksum; echo abc | sha512sum | cut -c1-16
md5sum t r >sums; md5sum -c sums; echo xyz >>t; md5sum -c sums 2>/dev/null; base64 </etc/hostname; base64 </etc/hostname | base64 -d
seq 1 5000 | gzip -9 | zcat | tail -1; seq 100000 | sort -n -r | head -1; seq 20000 | sha256sum
