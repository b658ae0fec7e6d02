/**
 * Pictures that a click, Enter or Space enlarges (config.ts marks them); another one, or Escape,
 * closes the large one.
 */

/** Listens on the whole document, since pages come and go. */
export function enlargePictures(document: Document): void {
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.addEventListener("click", () => dialog.close());
  document.addEventListener("click", ({ target }) => open(dialog, target));
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && open(dialog, event.target)) event.preventDefault();
  });
}

function open(dialog: HTMLDialogElement, target: EventTarget | null): boolean {
  if (!(target instanceof HTMLImageElement && target.matches(".enlargeable"))) return false;
  const picture = new Image();
  picture.src = target.currentSrc || target.src;
  picture.alt = target.alt;
  // A strip is read from left to right; other pictures are seen whole.
  picture.className = target.naturalWidth > 2.2 * target.naturalHeight ? "strip" : "whole";
  dialog.replaceChildren(picture);
  document.body.append(dialog);
  dialog.showModal();
  return true;
}
