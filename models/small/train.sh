#!/usr/bin/env bash
# Trains `small` from nothing, stage by stage; a stage that was stopped goes on from its checkpoint. See NOTES.md.
#
#   models/small/train.sh CONTENT_DIR STYLE_DIR TEST_DIR TEACHER.safetensors RUNS_DIR
#
# TEST_DIR holds content/ and style/ with pictures for the sample sheets; TEACHER is an encoder file (quarter-width VGG-19).
set -euo pipefail
content=$1 style=$2 test=$3 teacher=$4 runs=$5
cd "$(dirname "$0")/../.."

stage() {
  node --conditions=@adaattn/source --import ./scripts/source.mjs models/small/train.ts "$@" \
    --content "$content" --style "$style" --test "$test" --teacher "$teacher"
}

# 1. The encoder learns to give the teacher's features.
stage distil --out "$runs/distil" --steps 2500 --batch 8 --crop 96 --rate 1.5e-3 --warmup 100
# 2. The decoder learns to paint a picture from the encoder's features.
stage invert --out "$runs/invert" --encoder "$runs/distil" --steps 3200 --batch 8 --crop 96 --rate 8e-4 --warmup 100
# 3. Attention and decoder learn the style losses, starting from the parameter-free attention.
stage stylise --out "$runs/stylise" --encoder "$runs/distil" --from "$runs/invert" --steps 3500 --batch 4 --crop 128 \
  --side 240 --rate 4e-4 --warmup 200
# 4. The same with total variation, which takes the fine grid out of flat regions.
stage stylise --out "$runs/smooth" --encoder "$runs/distil" --start "$runs/stylise" --steps 900 --batch 4 --crop 128 \
  --side 240 --rate 2e-4 --warmup 30 --variation 5 --seed 2

node --conditions=@adaattn/source --import ./scripts/source.mjs models/small/export.ts \
  --distil "$runs/distil" --invert "$runs/invert" --stylise "$runs/stylise" --smooth "$runs/smooth" --out models/small
