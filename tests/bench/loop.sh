#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# What many a host runs today: inotifywait and curl. Files that lie there first,
# then each as it comes; moved to done/ or failed/ beside the drop box.
#
#     loop.sh BOX URL…
set -u
box=$1
shift
mkdir -p "$box.done" "$box.failed"
mkfifo "$box.pipe"

# The watch is up before the first look.
inotifywait -m -q -e close_write -e moved_to --format '%f' "$box" >"$box.pipe" &
{
	for file in "$box"/*.json; do
		[ -e "$file" ] && basename "$file"
	done
	cat
} <"$box.pipe" | while read -r name; do
	case $name in *.json) ;; *) continue ;; esac
	[ -e "$box/$name" ] || continue
	to=done
	for url; do
		curl -s -f -o /dev/null --retry 3 --retry-connrefused \
			--max-time 30 -H 'Content-Type: application/json' \
			--data-binary "@$box/$name" "$url" || to=failed
	done
	mv "$box/$name" "$box.$to/$name"
done
