/**
 * What frames of a clip share: from one cut to the next they are normalized alike, so that the
 * picture does not flicker.
 */

import type { Picture } from "adaattn";
import { SceneCuts } from "adaattn/internal";
import { RunningStatistics } from "adaattn/web";

export class Scenes {
  #clip: string | undefined;
  #cuts = new SceneCuts();
  #statistics = new RunningStatistics();

  /** The statistics of the scene that a clip's next frame belongs to. */
  next(clip: string, frame: Picture): RunningStatistics {
    if (clip !== this.#clip) this.#cuts = new SceneCuts();
    this.#clip = clip;
    if (this.#cuts.next(frame)) this.#statistics = new RunningStatistics();
    return this.#statistics;
  }
}
