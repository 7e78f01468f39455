#!/bin/sh
# supervise.sh SIGNAL FOLDER LOG COMMAND…
# Prints the process id of COMMAND and runs it until it ends by itself or standard input closes; then
# prints the end of its log if it failed, and removes FOLDER (none if empty).
# The parent holds the other end of standard input, so the kernel closes it however the parent ends.
signal=$1 folder=$2 log=$3
shift 3
exec 3<&0
"$@" </dev/null >"$log" 2>&1 3<&- &
child=$!
echo "$child"
{
  while read -r _; do :; done <&3
  kill -s "$signal" "$child"
} >/dev/null 2>&1 &
watcher=$!
wait "$child" 2>/dev/null
code=$?
kill "$watcher" 2>/dev/null
if [ "$code" -ne 0 ]; then tail -n 50 "$log"; fi
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
exit "$code"
