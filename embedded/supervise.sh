#!/bin/sh
# supervise.sh SIGNAL FOLDER LOG COMMAND…
# Runs COMMAND until it ends by itself or standard input closes, then removes FOLDER (none if empty).
# The parent holds the other end of standard input, so the kernel closes it however the parent ends.
# Descriptor 3 gets the process id of COMMAND, and the end of LOG if it failed; without LOG the
# command's output goes where ours goes.
signal=$1 folder=$2 log=$3
shift 3
exec 4<&0
if [ -n "$log" ]; then exec >"$log" 2>&1; fi
"$@" </dev/null 3>&- 4<&- &
child=$!
echo "$child" >&3
{
  while read -r _; do :; done <&4
  kill -s "$signal" "$child"
} >/dev/null 2>&1 3>&- &
watcher=$!
wait "$child" 2>/dev/null
code=$?
kill "$watcher" 2>/dev/null
if [ "$code" -ne 0 ] && [ -n "$log" ]; then tail -n 50 "$log" >&3; fi
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
exit "$code"
