/**
 * Messages between the page and the worker that paints. Errors travel as codes and sentences; a
 * request is cancelled by its number.
 */

import type { Attention, AttentionMap, Device, PaintOptions, Picture, Point } from "adaattn";
import type { PaintControls, StyleControls, WebProblemCode } from "adaattn/web";
import type { Part } from "../parting.ts";

/** How a painting is looked at: the style controls that the studio offers, and which part of it. */
export interface Look extends Pick<StyleControls, "stroke" | "rotate"> {
  /** The part of the painting that is used; all of it by default. */
  readonly part: Part | undefined;
}

/** A painting that counts, by the key under which the worker keeps it. */
export interface Share {
  readonly painting: string;
  readonly look: Look;
  readonly weight: number;
  /** White where it goes; everywhere by default. */
  readonly mask?: Picture | undefined;
}

/** What the photograph is: one that the worker keeps, or one sent along. */
export type Photo = string | Picture;

export interface PaintRequest extends PaintControls, Pick<PaintOptions, "strokeBy"> {
  readonly model: string;
  readonly photo: Photo;
  readonly shares: readonly Share[];
  /** The longer side to paint at; the photograph's own by default. */
  readonly longerSide?: number | undefined;
  /**
   * The longer side at which the paintings are looked at, once; by default that of the library, and
   * they are kept.
   */
  readonly paintingSide?: number | undefined;
  /**
   * The clip that the photograph is the next frame of; all that the worker knows of a clip goes
   * when another one begins.
   */
  readonly clip?: string | undefined;
}

export interface Painted extends Picture {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly milliseconds: number;
  /** In how many tiles it was painted: 1 where it was painted whole. */
  readonly tiles: number;
  /** Whether memory ran out at first, so that tiles were made smaller. */
  readonly isShrunk: boolean;
}

export interface AttentionRequest {
  readonly model: string;
  readonly photo: Photo;
  readonly painting: string;
  readonly look: Look;
  readonly level: 3 | 4 | 5;
  /** The longer side to look at. */
  readonly longerSide: number;
}

/** Attention, and the painting that its keys are places of. */
export interface Looked<T> {
  readonly found: T;
  readonly painting: Picture;
  /** The size of the photograph that was looked at. */
  readonly photo: { readonly width: number; readonly height: number };
}

/** How far something is. */
export type Report =
  | { readonly stage: "engine" | "model"; readonly received: number; readonly total: number | undefined }
  | { readonly stage: "prepare" }
  | { readonly stage: "paint"; readonly fraction: number };

/** What went wrong, for the page to say in the user's language. */
export interface Failure {
  readonly code: WebProblemCode | "gpuLost" | "workerEnded";
  /** A sentence in English. */
  readonly sentence: string;
}

export interface OpenRequest {
  readonly device: "auto" | Device;
  /** The page's address, which all files are relative to. */
  readonly base: string;
}

export interface Opened {
  readonly device: Device;
  /** Why it is not WebGPU; undefined where it is, or where the CPU was asked for. */
  readonly reason: Failure | undefined;
}

/** Requests by kind, with what each is answered by. */
export interface Requests {
  open: { ask: OpenRequest; answer: Opened };
  keep: { ask: { readonly key: string; readonly picture: Picture }; answer: null };
  /** Fetches a model into the browser's cache, where it is found without a network. */
  fetch: { ask: { readonly model: string }; answer: null };
  /** Loads a model, so that what is asked next begins at once. */
  prepare: { ask: { readonly model: string }; answer: null };
  /** Lets go of a picture and what was made of it. */
  forget: { ask: { readonly key: string }; answer: null };
  paint: { ask: PaintRequest; answer: Painted };
  attention: { ask: AttentionRequest & { readonly points: readonly Point[] }; answer: Looked<Attention> };
  map: { ask: AttentionRequest; answer: Looked<AttentionMap> };
}

export type Kind = keyof Requests;

export type ToWorker =
  | { readonly id: number; readonly kind: Kind; readonly ask: Requests[Kind]["ask"] }
  | { readonly cancel: number };

export type FromWorker =
  | { readonly id: number; readonly answer: Requests[Kind]["answer"] }
  | { readonly id: number; readonly failure: Failure; readonly isAborted: boolean }
  | { readonly id: number; readonly report: Report }
  /** The GPU is gone, and with it everything that this worker keeps there. */
  | { readonly lost: Failure };
