/**
 * The pictures that come with the studio, with who made them, when, and where they are from; NOTICE
 * has their licenses.
 */

/** Who made a painting, and when, where that is known. */
export interface Credit {
  readonly title: string;
  readonly artist: string;
  /** Empty where it is not known. */
  readonly year: string;
}

/** What paintings can be filtered by. */
export const GROUPS = ["impressionism", "ukiyo-e", "cubism", "line", "pattern"] as const;
export type Group = (typeof GROUPS)[number];

export interface BundledPainting extends Credit {
  readonly id: string;
  readonly group: string;
}

/** Works in the public domain. */
export const PAINTINGS: readonly BundledPainting[] = STUDIO_FILES.paintings;

export interface BundledPhoto {
  readonly id: string;
  readonly title: string;
  readonly credit: string;
}

export const PHOTOS: readonly BundledPhoto[] = [
  { id: "castle", title: "Neuschwanstein Castle", credit: "cameralends, CC0" },
  { id: "tiger", title: "Tiger in the snow", credit: "Pexels, CC0" },
  { id: "bee", title: "European honey bee", credit: "John Severns, public domain" },
  { id: "portrait", title: "Eileen Collins", credit: "NASA, public domain" },
  { id: "mountains", title: "Picos de Europa", credit: "Aitzol Berasategi, CC BY 4.0" },
  { id: "bridge", title: "Roebling Suspension Bridge", credit: "Derek Jensen, public domain" },
];

export const photoUrl = (id: string) => `pictures/photos/${id}.jpg`;
export const paintingUrl = (id: string) => `pictures/paintings/${id}.jpg`;
export const thumbnailUrl = (id: string) => `pictures/thumbnails/${id}.jpg`;
/** The photograph of the example, and what was made of it. */
export const EXAMPLE_PHOTO = "castle";
export const EXAMPLE = "pictures/castle-starry-night.jpg";
