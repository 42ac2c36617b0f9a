#!/usr/bin/env bash
# The main job, run for real from the root of a clone: a default `make`, its files looked into, then once more for the same
# bytes. Prints the seconds of the first run.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
idea="A polar bear cub crosses the ice to find its mother"

wrong() {
  echo "main job: $*"
  exit 1
}

begin=$SECONDS
./zoetrope make "$idea" --shots 3 --out "$work/a" >"$work/out.txt"
echo "make --shots 3: $((SECONDS - begin)) s"
[[ $(tail -n 1 "$work/out.txt") == *story.mp4 ]] || wrong "the last line does not name the video: $(tail -n 1 "$work/out.txt")"

files=$(cd "$work/a" && find . -mindepth 1 | LC_ALL=C sort | xargs)
[[ $files == "./report.json ./sheet.png ./story.mp4 ./story.srt ./story.vtt ./storyboard.json" ]] || wrong "the folder holds $files"

probe() { ffprobe -v error "$@" "$work/a/story.mp4"; }
probe -show_entries stream=codec_type,codec_name,width,height,avg_frame_rate,nb_frames,duration:format=duration:format_tags -of compact
probe -select_streams v -show_entries stream=codec_name -of csv=p=0 | grep -qx h264 || wrong "no H.264 picture"
probe -select_streams a -show_entries stream=codec_name -of csv=p=0 | grep -qx aac || wrong "no AAC sound"
probe -show_entries format_tags -of default | grep -qi 'generated' || wrong "the metadata does not say that it is generated"
# Decodes every frame, so that a damaged stream is found; every shot has at least one subtitle.
ffmpeg -v error -xerror -i "$work/a/story.mp4" -f null - </dev/null || wrong "the video does not decode"
(($(grep -c -- '-->' "$work/a/story.srt") >= 3)) || wrong "fewer subtitles than shots"

python3 - "$work/a" <<'PY' || wrong "the report and the video disagree"
import json, subprocess, sys
folder = sys.argv[1]
report = json.load(open(folder + "/report.json"))
board = json.load(open(folder + "/storyboard.json"))
for field in ("prompts", "seed", "models", "findings", "stages"):
    assert field in report, f"report.json has no {field}"
assert len(board["shots"]) == 3 == len(report["prompts"]), "not three shots"
for stage in report["stages"]:
    planned, measured = stage["planned_peak_bytes"], stage["measured_peak_bytes"]
    assert planned == measured, f"{stage['name']}: planned {planned}, measured {measured}"
streams = {s["codec_type"]: s for s in json.loads(subprocess.check_output(
    ["ffprobe", "-v", "error", "-show_streams", "-of", "json", folder + "/story.mp4"]))["streams"]}
picture, sound = float(streams["video"]["duration"]), float(streams["audio"]["duration"])
assert picture > 3 and abs(picture - sound) < 0.2, f"picture {picture} s, sound {sound} s"
print(f"picture {picture:.2f} s, sound {sound:.2f} s; findings: {report['findings']}")
PY

./zoetrope make "$idea" --shots 3 --out "$work/b" >/dev/null 2>&1
python3 - "$work" <<'PY' || wrong "the second run gave other bytes"
import sys
sys.path.insert(0, "tests")
from program import difference, story_bytes
different = difference(story_bytes(sys.argv[1] + "/a"), story_bytes(sys.argv[1] + "/b"))
print("the same bytes twice" if not different else "other bytes in " + different)
sys.exit(1 if different else 0)
PY
