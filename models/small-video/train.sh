#!/usr/bin/env bash
# Trains `small-video` from nothing, stage by stage; a stage that was stopped goes on from its checkpoint. See NOTES.md.
#
#   models/small-video/train.sh CONTENT_DIR STYLE_DIR TEST_DIR TEACHER.safetensors JUDGE.safetensors RUNS_DIR
#
# TEST_DIR holds content/ and style/ with pictures for the contact sheets. TEACHER and JUDGE are encoder files: quarter-width VGG-19,
# which is quick, and VGG-19 itself, which is right.
set -euo pipefail
content=$1 style=$2 test=$3 teacher=$4 judge=$5 runs=$6
# Paths may be relative to where this was called.
root=$(cd "$(dirname "$0")/../.." && pwd)
source=(node --conditions=@adaattn/source --import "$root/scripts/source.mjs")

# stage COMMAND RUN OPTIONS...: begins a run, or goes on with it.
stage() {
  local command=$1 run=$2
  shift 2
  if [[ -d $run/checkpoints ]]; then
    "${source[@]}" "$root/packages/cli/src/main.ts" "$command" --resume "$run"
  else
    "${source[@]}" "$root/packages/cli/src/main.ts" "$command" --preset small-video --out "$run" \
      --content "$content" --style "$style" "$@"
  fi
}

# 1. The encoder learns to give the teacher's features.
stage distill "$runs/distil" --teacher "$teacher" --steps 2500 --batch 8 --crop 96 --lr 1.5e-3 --warmup 100
# 2. The decoder learns to paint a picture from the encoder's features.
stage train "$runs/invert" --stage decoder --encoder "$runs/distil" --loss-network "$teacher" --test "$test" --steps 1600 \
  --batch 8 --crop 96 --lr 8e-4 --warmup 100
# 3. The whole network learns the style losses.
stage train "$runs/stylise" --start "$runs/invert" --loss-network "$teacher" --test "$test" --steps 1200 --batch 4 --crop 128 \
  --lr 5e-4 --warmup 100 --global 20 --local 3 --identity 20 --variation 5
# 4. The same with two frames of a moving picture painted alike.
stage train "$runs/steady" --start "$runs/stylise" --loss-network "$teacher" --test "$test" --steps 4000 --batch 4 --crop 128 \
  --lr 5e-4 --warmup 20 --global 40 --local 1 --identity 0 --variation 10 --temporal 1000 --seed 4
# 5. The same judged by VGG-19, which is not pleased by patterns that nobody else likes, and with a loss that keeps the content.
stage train "$runs/clear" --start "$runs/steady" --loss-network "$judge" --test "$test" --steps 1200 --batch 4 --crop 128 \
  --lr 3e-4 --warmup 20 --global 25 --local 0.25 --content-loss 40 --identity 0 --variation 10 --temporal 1000 --seed 6

"${source[@]}" "$root/models/small/export.ts" "$runs"/{distil,invert,stylise,steady,clear} --out "$root/models/small-video"
