/**
 * What goes with the pictures and the sound of a film: subtitles, chapters, attachments, and what
 * it says of itself.
 */

import type { KeptMetadata } from "../metadata.ts";
import type { VideoExtension } from "./codecs.ts";

/** A subtitle track. */
export interface SubtitleTrack {
  /** Which stream of the file it is, counted from 0. */
  readonly stream: number;
  /** ffmpeg's name of the codec, such as subrip. */
  readonly codec: string;
}

/** What goes with a film beside its pictures and sound. */
export interface Companions {
  readonly subtitles: readonly SubtitleTrack[];
  /** How many chapters there are. */
  readonly chapters: number;
  /** How many attached files there are, such as fonts. */
  readonly attachments: number;
  /** Whether there is a picture of its cover. */
  readonly hasCover: boolean;
  /** What the file says of itself, by ffmpeg's names, such as title. */
  readonly tags: Readonly<Record<string, string>>;
}

const TEXT = /^(subrip|srt|ass|ssa|mov_text|webvtt|text)$/;

/** The subtitles that a file holds as they are, and what subtitles of text become. */
const SUBTITLES: Readonly<Record<VideoExtension, { readonly kept: RegExp; readonly text: string } | undefined>> = {
  ".mp4": { kept: /^mov_text$/, text: "mov_text" },
  ".m4v": { kept: /^mov_text$/, text: "mov_text" },
  ".mov": { kept: /^mov_text$/, text: "mov_text" },
  ".webm": { kept: /^webvtt$/, text: "webvtt" },
  ".mkv": { kept: /^(subrip|ass|ssa|webvtt|hdmv_pgs_subtitle|dvd_subtitle|dvb_subtitle)$/, text: "srt" },
  ".gif": undefined,
};

/** What of a film's tags says who made it, when, and what it is called, and not where. */
const SAFE = /^(title|artist|author|album|album_artist|composer|copyright|date|creation_time|genre)$/i;

/**
 * How a file of some ending gets what goes with a film: options of ffmpeg, the film being its
 * second input.
 */
export function companionArgs(
  extension: VideoExtension,
  { subtitles, attachments, tags }: Companions,
  metadata: KeptMetadata,
): readonly string[] {
  const tracks = subtitles.flatMap(({ stream, codec }) => {
    const become = codecOf(extension, codec);
    return become === undefined ? [] : [{ stream, become }];
  });
  const said = Object.entries(tags).filter(([name]) => metadata === "safe" && SAFE.test(name));
  return [
    ...tracks.flatMap(({ stream, become }, track) => ["-map", `1:${stream}`, `-c:s:${track}`, become]),
    ...(extension === ".mkv" && attachments > 0 ? ["-map", "1:t", "-c:t", "copy"] : []),
    ...["-map_chapters", "1"],
    // Without the g, tags of streams, such as languages, and of chapters would be left out as well.
    ...(metadata === "all" ? ["-map_metadata:g", "1:g"] : ["-map_metadata:g", "-1"]),
    ...said.flatMap(([name, value]) => ["-metadata", `${name}=${value}`]),
  ];
}

/** Whether any subtitles go into a file of some ending. */
export function keepsSubtitles(extension: VideoExtension, { subtitles }: Companions): boolean {
  return subtitles.some(({ codec }) => codecOf(extension, codec) !== undefined);
}

/** What a file of some ending has no place for, for a sentence; undefined where that is nothing. */
export function leftOut(extension: VideoExtension, companions: Companions): string | undefined {
  const { subtitles, chapters, attachments, hasCover } = companions;
  const lost = subtitles.filter(({ codec }) => codecOf(extension, codec) === undefined);
  const count = (number: number, one: string) => (number === 1 ? `one ${one}` : `${number} ${one}s`);
  const parts = [
    ...(lost.length > 0
      ? [`${count(lost.length, "subtitle track")} (${lost.map(({ codec }) => codec).join(", ")})`]
      : []),
    ...(extension === ".gif" && chapters > 0 ? [count(chapters, "chapter")] : []),
    ...(extension !== ".mkv" && attachments > 0 ? [count(attachments, "attachment")] : []),
    ...(hasCover ? ["the picture of its cover"] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

function codecOf(extension: VideoExtension, codec: string): string | undefined {
  const known = SUBTITLES[extension];
  if (known?.kept.test(codec)) return "copy";
  return TEXT.test(codec) ? known?.text : undefined;
}
