/**
 * How alive a network is on some pictures: put together from what network/examination.ts finds in
 * each.
 */

/** A layer with a ReLU. */
export interface LayerHealth {
  readonly name: string;
  readonly channels: number;
  /**
   * How many channels hardly any position of any picture wakes: they get hardly any gradient, and
   * training hardly brings them back.
   */
  readonly dead: number;
}

/** A level's attention. */
export interface LevelHealth {
  readonly level: number;
  /**
   * At how many of the painting's keys a position of a photograph looks: the median of
   * exp(entropy).
   */
  readonly perplexity: number;
  /** How many keys there are. */
  readonly keys: number;
  /**
   * By how much of 255 the picture changes on average where what the level's attention finds is
   * turned upside down.
   */
  readonly effect: number;
}

/** How alive a network is. */
export interface Health {
  readonly layers: readonly LayerHealth[];
  readonly levels: readonly LevelHealth[];
}

/** What one photograph in one style shows. */
export interface Examination {
  /** By layer, the share of positions at which each channel is above 0. */
  readonly awake: ReadonlyMap<string, Float32Array>;
  readonly levels: readonly LevelHealth[];
}

/** A channel is dead where fewer than this share of positions are above 0. */
export const AWAKE = 0.002;

/** @throws Error where there is nothing to go by. */
export function healthOf(examinations: readonly Examination[]): Health {
  const [first] = examinations;
  if (first === undefined) throw new Error("Expected at least one photograph in one style but received none.");
  const layers = [...first.awake].map(([name, { length: channels }]) => {
    const shares = (channel: number) => examinations.map(({ awake }) => awake.get(name)?.[channel] ?? 0);
    const dead = Array.from({ length: channels }, (_, channel) => mean(shares(channel))).filter(
      (share) => share < AWAKE,
    );
    return { name, channels, dead: dead.length };
  });
  const levels = first.levels.map(({ level }, index) => {
    const found = examinations.flatMap(({ levels }) => levels[index] ?? []);
    const average = (name: "perplexity" | "keys" | "effect") => mean(found.map((one) => one[name]));
    return { level, perplexity: average("perplexity"), keys: average("keys"), effect: average("effect") };
  });
  return { layers, levels };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
