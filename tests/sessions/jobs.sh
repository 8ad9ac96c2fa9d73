# Job control, by a shell that has the terminal.
set -m
sleep 100 & kill -STOP %1; sleep 0.1; jobs; kill -CONT %1; sleep 0.1; jobs; bg; jobs
kill %1; sleep 0.1; wait %1; echo $?
sleep 0.2 & fg; echo "fg $?"
sleep 5 & sleep 6 & jobs -l | cut -c1-5; kill %2; sleep 0.1; jobs; kill %1; wait; jobs
(trap 'echo int' INT; sleep 0.3; echo after) & fg
sh -c 'kill -STOP $$; echo continued $?'; jobs; fg; echo "end $?"
cat </dev/tty & sleep 0.1; jobs; kill %1
wait
echo end
