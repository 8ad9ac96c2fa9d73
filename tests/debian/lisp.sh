# SPDX-License-Identifier: MIT
# lisp.sh: faults.lisp by sbcl, whose runtime tells on standard error how full its heap was, and on
# standard output of its collections of garbage that it cannot end.
sbcl --noinform --dynamic-space-size 64 --no-sysinit --no-userinit --non-interactive \
	--load /t/faults.lisp 2>/tmp/errors >/tmp/said
status=$?
cat /tmp/said
exit $status
