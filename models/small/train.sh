#!/usr/bin/env bash
# Trains `small` from nothing, stage by stage; a stage that was stopped goes on from its checkpoint. See NOTES.md.
#
#   models/small/train.sh CONTENT_DIR STYLE_DIR TEST_DIR TEACHER.safetensors JUDGE.safetensors RUNS_DIR
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
    "${source[@]}" "$root/packages/cli/src/main.ts" "$command" --out "$run" --content "$content" --style "$style" "$@"
  fi
}
taught=(--loss-network "$teacher" --test "$test")
early=(--freeze-encoder --global-levels 2,3,4,5 --local-levels 3,4,5)

# 1. The encoder learns to give the teacher's features.
stage distill "$runs/distil" --teacher "$teacher" --steps 2500 --batch 8 --crop 96 --lr 1.5e-3 --warmup 100
# 2. The decoder learns to paint a picture from the encoder's features.
stage train "$runs/invert" --stage decoder --encoder "$runs/distil" "${taught[@]}" --steps 3200 --batch 8 --crop 96 \
  --lr 8e-4 --warmup 100
# 3. Attention and decoder learn the style losses, starting from the parameter-free attention.
stage train "$runs/stylise" --start "$runs/invert" "${taught[@]}" --steps 3500 --batch 4 --crop 128 \
  --lr 4e-4 --warmup 200 --variation 0 "${early[@]}"
# 4. The same with total variation, which takes the fine grid out of flat regions.
stage train "$runs/smooth" --start "$runs/stylise" "${taught[@]}" --steps 900 --batch 4 --crop 128 \
  --lr 2e-4 --warmup 30 --variation 5 --seed 2 "${early[@]}"
# 5. The whole network, judged by VGG-19: the quarter-width network is easily pleased by patterns that nobody else likes.
stage train "$runs/whole" --start "$runs/smooth" --loss-network "$judge" --test "$test" --steps 1600 --batch 4 --crop 128 \
  --lr 3e-4 --warmup 20 --global 30 --local 3 --content-loss 20 --identity 400 --variation 10 --seed 5

"${source[@]}" "$root/models/small/export.ts" "$runs"/{distil,invert,stylise,smooth,whole} --out "$root/models/small"
