#!/usr/bin/env bash
# The frame strip of the README: frames at equal distances out of a finished story, side by side.
#   tools/strip.sh out/<story>/story.mp4 [docs/images/strip.png [columns [rows]]]
set -euo pipefail
video=$1 picture=${2:-docs/images/strip.png} columns=${3:-6} rows=${4:-2}
frames=$(ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 "$video" </dev/null)
step=$((frames / (columns * rows)))
((step > 0)) || {
  echo "strip: $video has only $frames frames" >&2
  exit 3
}
ffmpeg -v error -y -i "$video" -vf "select=not(mod(n-$((step / 2))\,$step)),tile=${columns}x$rows:padding=2:color=white" \
  -frames:v 1 "$picture" </dev/null
echo "$picture"
