/** The pictures that come with the studio, with who made them, when, and where they are from; NOTICE has their licences. */

/** Who made a painting, and what may be done with it. */
export interface Credit {
  readonly title: string;
  readonly artist: string;
  readonly year: string;
  /** Where the file comes from, and the terms. */
  readonly source: string;
}

export interface BundledPainting extends Credit {
  readonly id: string;
}

const painted = { artist: "scripts/paint.ts", year: "2026", source: "adaattn, Apache License 2.0" };

export const PAINTINGS: readonly BundledPainting[] = [
  {
    id: "starry-night",
    title: "The Starry Night",
    artist: "Vincent van Gogh",
    year: "1889",
    source: "opencv-doc (Debian), public domain",
  },
  { id: "wheat-field", title: "Wheat Field", ...painted },
  { id: "rainy-street", title: "Rainy Street", ...painted },
  { id: "stained-glass", title: "Stained Glass", ...painted },
  { id: "ink-landscape", title: "Ink Landscape", ...painted },
  { id: "river-dots", title: "River in Dots", ...painted },
];

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
export const EXAMPLE = "pictures/castle-starry-night.jpg";
