/** The camera. What goes wrong with it is said in one sentence with a way on. */

import { t } from "../texts/texts.ts";

/** Opens a camera, by default the one that shows the user, at about so many pixels across. */
export async function openCamera(width: number, id?: string): Promise<MediaStream> {
  const { mediaDevices } = navigator;
  // Pages from plain http have no cameras.
  if (mediaDevices === undefined) throw new Error(t("live.none"));
  const video: MediaTrackConstraints = { width: { ideal: width } };
  if (id === undefined) video.facingMode = "user";
  else video.deviceId = { exact: id };
  try {
    return await mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const isDenied = name === "NotAllowedError" || name === "SecurityError";
    throw new Error(t(isDenied ? "live.denied" : "live.none"), { cause: error });
  }
}

/** A camera that can be chosen. */
export interface Camera {
  readonly id: string;
  /** What the system calls it; may be empty. */
  readonly name: string;
}

/** All that there are; browsers tell their names once one may be used. */
export async function listCameras(): Promise<Camera[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
}

export function closeCamera(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
