#!/usr/bin/env bash
# Trains `small` from nothing, stage by stage; a stage that was stopped goes on from its checkpoint. See NOTES.md.
#
#   models/small/train.sh CONTENT_DIR STYLE_DIR TEST_DIR TEACHER.safetensors RUNS_DIR
#
# TEST_DIR holds content/ and style/ with pictures for the contact sheets; TEACHER is an encoder file (quarter-width VGG-19).
set -euo pipefail
content=$1 style=$2 test=$3 teacher=$4 runs=$5
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
    "${source[@]}" "$root/packages/cli/src/main.ts" "$command" --out "$run" --content "$content" --style "$style" "$@"
  fi
}
judged=(--loss-network "$teacher" --test "$test")

# 1. The encoder learns to give the teacher's features.
stage distill "$runs/distil" --teacher "$teacher" --steps 2500 --batch 8 --crop 96 --lr 1.5e-3 --warmup 100
# 2. The decoder learns to paint a picture from the encoder's features.
stage train "$runs/invert" --stage decoder --encoder "$runs/distil" "${judged[@]}" --steps 3200 --batch 8 --crop 96 \
  --lr 8e-4 --warmup 100
# 3. Attention and decoder learn the style losses, starting from the parameter-free attention.
stage train "$runs/stylise" --start "$runs/invert" "${judged[@]}" --steps 3500 --batch 4 --crop 128 \
  --lr 4e-4 --warmup 200 --variation 0
# 4. The same with total variation, which takes the fine grid out of flat regions.
stage train "$runs/smooth" --start "$runs/stylise" "${judged[@]}" --steps 900 --batch 4 --crop 128 \
  --lr 2e-4 --warmup 30 --variation 5 --seed 2

"${source[@]}" "$root/models/small/export.ts" "$runs"/{distil,invert,stylise,smooth} --out "$root/models/small"
