/** Icons, drawn in strokes of the text's color. */

import type { JSX } from "preact";

const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  sun: "M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  copy: "M9 9h11v11H9ZM5 15H4V4h11v1",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  camera: "M4 8h3l2-3h6l2 3h3v11H4ZM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
  cameraOff: "M4 8h3l2-3h6l2 3h3v11H4ZM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM3 3l18 18",
  open: "M4 19V5h6l2 3h8v11Z",
  crop: "M7 3v14h14M3 7h14v14",
  close: "M6 6l12 12M18 6 6 18",
  brush: "M14 6l4 4-8 8c-2 2-6 1-6 1s2-1 2-4a3 3 0 0 1 1-2ZM16 4l4 4",
  check: "m5 12 5 5 9-10",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  grid: "M4 4h7v7H4ZM13 4h7v7h-7ZM4 13h7v7H4ZM13 13h7v7h-7Z",
  share: "M12 15V4M8 8l4-4 4 4M5 13v7h14v-7",
  dice: "M4 4h16v16H4ZM8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01",
  stop: "M7 7h10v10H7Z",
  split: "M9 7l-5 5 5 5M15 7l5 5-5 5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

interface IconButtonProps {
  readonly icon: IconName;
  /** What it does, for who points at it and for who cannot see it. */
  readonly label: string;
  readonly isDisabled?: boolean;
  /** Of a button that stays down. */
  readonly isPressed?: boolean;
  readonly onClick: JSX.MouseEventHandler<HTMLButtonElement>;
}

/** A button that is only an icon. */
export function IconButton({ icon, label, isDisabled, isPressed, onClick }: IconButtonProps) {
  return (
    <button
      type="button"
      class="icon"
      title={label}
      aria-label={label}
      aria-pressed={isPressed}
      disabled={isDisabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
