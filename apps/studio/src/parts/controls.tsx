/** Small parts: a picture on a canvas, a slider, a button that opens files, a bar of progress. */

import type { Picture } from "adaattn";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "./icon.tsx";

interface PictureProps {
  readonly picture: Picture;
  readonly class?: string;
  readonly style?: JSX.CSSProperties;
  /** What it shows; without, it is decoration. */
  readonly label?: string;
}

/** A picture, drawn as it is. */
export function PictureCanvas({ picture, label, ...rest }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const { width, height, data } = picture;
    const element = canvas.current;
    if (element === null) return;
    element.width = width;
    element.height = height;
    const pixels = data instanceof Uint8ClampedArray ? data : new Uint8ClampedArray(data);
    element
      .getContext("2d")
      ?.putImageData(new ImageData(pixels as Uint8ClampedArray<ArrayBuffer>, width, height), 0, 0);
  }, [picture]);
  return (
    <canvas ref={canvas} {...rest} {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })} />
  );
}

interface SwitchProps {
  readonly name: string;
  readonly isOn: boolean;
  readonly onToggle: (isOn: boolean) => void;
  /** Said to who points at it. */
  readonly hint?: string;
  readonly children: ComponentChildren;
}

/** A box that is ticked or not, with its text. */
export function Switch({ name, isOn, onToggle, hint, children }: SwitchProps) {
  return (
    <label class="switch" title={hint}>
      <input type="checkbox" name={name} checked={isOn} onChange={(event) => onToggle(event.currentTarget.checked)} />
      {children}
    </label>
  );
}

interface SliderProps {
  readonly name: string;
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  /** The value as it is shown. */
  readonly shown: string;
  readonly onChange: (value: number) => void;
  /** The value was let go of. */
  readonly onSettle?: () => void;
}

export function Slider({ name, label, value, least, most, step, shown, onChange, onSettle }: SliderProps) {
  const id = useId();
  return (
    // Without `for` the label would be that of the output, its first part that can have one.
    <label class="slider" for={id}>
      <span>{label}</span>
      <output>{shown}</output>
      <input
        id={id}
        type="range"
        name={name}
        min={least}
        max={most}
        step={step}
        value={value}
        aria-valuetext={shown}
        style={{ "--at": `${(100 * (value - least)) / (most - least)}%` }}
        onInput={(event) => onChange(Number(event.currentTarget.value))}
        onChange={onSettle}
      />
    </label>
  );
}

interface OpenButtonProps {
  readonly accept: string;
  readonly onFile: (file: File) => void;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly name: string;
  /** Asks a phone for its camera. */
  readonly capture?: "environment";
  readonly tabIndex?: number;
}

/** A button that lets the user choose a file. */
export function OpenButton({ accept, onFile, children, name, capture, tabIndex, class: kind = "" }: OpenButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={kind} tabIndex={tabIndex} onClick={() => input.current?.click()}>
        {children}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        name={name}
        accept={accept}
        capture={capture}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          // The same file may be chosen again.
          event.currentTarget.value = "";
          if (file) onFile(file);
        }}
      />
    </>
  );
}

/** How far something is; undefined for work of unknown length. */
export function Progress({ fraction, label }: { readonly fraction: number | undefined; readonly label: string }) {
  const percent = fraction === undefined ? undefined : Math.round(100 * fraction);
  return (
    <div
      class={`progress ${percent === undefined ? "endless" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={{ width: `${percent ?? 30}%` }} />
    </div>
  );
}

/** A dialog over the page; closed by its button, by Escape or from outside. */
export function Dialog(props: { title: string; close: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} onClose={props.onClose} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        <IconButton icon="close" label={props.close} onClick={props.onClose} />
      </header>
      {props.children}
    </dialog>
  );
}
