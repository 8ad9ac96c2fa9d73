# SPDX-License-Identifier: MIT
# sqlite.sh build|check|commit|count FOLDER: 100,000 rows in a database that is mapped, with a rollback
# journal and with a write-ahead log, and whether they are right; or transactions of 100 rows in both,
# which are told as they are committed, and how many rows there are.
cd "$2" || exit 1
rows="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO t SELECT i, i * 7919 % 100003, printf('row %d of %d', i, i * i) FROM n;"
summary="SELECT count(*), sum(a), sum(b), min(c), max(c) FROM t;
SELECT count(*) FROM t WHERE b BETWEEN 5000 AND 6000;
SELECT c FROM t ORDER BY b LIMIT 3;
PRAGMA integrity_check;"

commits() {
	for mode in delete wal; do
		echo "ATTACH '$mode.db' AS x$mode; PRAGMA x$mode.journal_mode=$mode;
		PRAGMA x$mode.synchronous=FULL; PRAGMA x$mode.mmap_size=268435456;
		CREATE TABLE x$mode.t (a INTEGER PRIMARY KEY, b TEXT);"
	done
	for i in $(seq 100); do
		for mode in delete wal; do
			echo "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
			INSERT INTO x$mode.t(b) SELECT hex(randomblob(50)) FROM n;"
		done
		echo ".print committed $i"
	done
}

if [ "$1" = commit ]; then
	commits | sqlite3 2>&1
	exit
fi
for mode in delete wal; do
	start="PRAGMA mmap_size=268435456; PRAGMA journal_mode=$mode; PRAGMA cache_size=100;"
	case $1 in
	build) sqlite3 $mode.db "$start
CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
BEGIN; $rows COMMIT;
CREATE INDEX t_b ON t (b);
UPDATE t SET c = c || '!' WHERE a % 10 = 0;
DELETE FROM t WHERE a % 1000 = 1;
BEGIN; DELETE FROM t; ROLLBACK;
$summary" ;;
	check) sqlite3 $mode.db "PRAGMA mmap_size=268435456; $summary" ;;
	count) sqlite3 $mode.db "SELECT count(*), (SELECT * FROM pragma_integrity_check) FROM t" ;;
	esac
done
