/** The camera. What goes wrong with it is said in one sentence with a way on. */

import { t } from "../texts/texts.ts";

/** Opens the camera at about so many pixels across. */
export async function openCamera(width: number): Promise<MediaStream> {
  const { mediaDevices } = navigator;
  // Pages from plain http have no cameras.
  if (mediaDevices === undefined) throw new Error(t("live.none"));
  try {
    return await mediaDevices.getUserMedia({ video: { width: { ideal: width }, facingMode: "user" }, audio: false });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const isDenied = name === "NotAllowedError" || name === "SecurityError";
    throw new Error(t(isDenied ? "live.denied" : "live.none"), { cause: error });
  }
}
