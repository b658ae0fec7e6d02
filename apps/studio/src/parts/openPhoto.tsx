/**
 * Ways to open a photograph: a file, the camera, a sample. Dropping and pasting work anywhere
 * (app.tsx).
 */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { openCamera } from "../live/camera.ts";
import { PHOTOS, thumbnailUrl } from "../pictures/bundled.ts";
import { complain, openPhoto, openSample, photo } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { Dialog, OpenButton } from "./controls.tsx";
import { CropPhoto } from "./cropPhoto.tsx";
import { Icon, IconButton } from "./icon.tsx";

const hasTouch = () => matchMedia("(pointer: coarse)").matches;

export function OpenPhoto({ isMain }: { readonly isMain: boolean }) {
  const isShooting = useSignal(false);
  const isCropping = useSignal(false);
  const open = (file: File) => openPhoto(file, file.name);
  return (
    <div class={`actions ${isMain ? "" : "compact"}`}>
      <OpenButton name="photo" class={isMain ? "main" : ""} accept="image/*" onFile={open}>
        <Icon name="open" />
        <span class="text">{t(photo.value === undefined ? "photo.open" : "photo.another")}</span>
      </OpenButton>
      {hasTouch() ? (
        <OpenButton name="shot" accept="image/*" capture="environment" onFile={open}>
          <Icon name="camera" />
          <span class="text">{t("photo.take")}</span>
        </OpenButton>
      ) : (
        <button
          type="button"
          onClick={() => {
            isShooting.value = true;
          }}
        >
          <Icon name="camera" />
          <span class="text">{t("photo.take")}</span>
        </button>
      )}
      {photo.value && (
        <IconButton
          icon="crop"
          label={t("crop.title")}
          onClick={() => {
            isCropping.value = true;
          }}
        />
      )}
      {photo.value && isCropping.value && (
        <CropPhoto
          photo={photo.value}
          onClose={() => {
            isCropping.value = false;
          }}
        />
      )}
      {isShooting.value && (
        <Shoot
          onClose={() => {
            isShooting.value = false;
          }}
        />
      )}
    </div>
  );
}

/** A dialog that shows the camera and takes one picture. */
function Shoot({ onClose }: { readonly onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const opened = openCamera(1920);
    opened.then(
      (stream) => {
        if (video.current) video.current.srcObject = stream;
      },
      (error) => {
        complain(error);
        onClose();
      },
    );
    return () => {
      opened.then((stream) => stream.getTracks().forEach((track) => void track.stop())).catch(() => undefined);
    };
  }, []);
  const shoot = async () => {
    const element = video.current;
    if (element === null || element.videoWidth === 0) return;
    const canvas = new OffscreenCanvas(element.videoWidth, element.videoHeight);
    canvas.getContext("2d")?.drawImage(element, 0, 0);
    onClose();
    await openPhoto(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 }), t("photo.title"));
  };
  return (
    <Dialog title={t("photo.take")} close={t("close")} onClose={onClose}>
      <video ref={video} autoplay muted playsInline />
      <button type="button" class="main" onClick={shoot}>
        <Icon name="camera" />
        {t("photo.shoot")}
      </button>
    </Dialog>
  );
}

export function Samples() {
  return (
    <section class="samples">
      <h2>{t(photo.value === undefined ? "photo.samples" : "photo.title")}</h2>
      <div class="thumbnails">
        {PHOTOS.map(({ id, title, credit }) => (
          <button
            key={id}
            type="button"
            class="thumbnail"
            aria-pressed={photo.value?.sample === id}
            title={`${nameOf(id, title)}${t("comma")}${credit}`}
            data-photo={id}
            onClick={() => openSample(id)}
          >
            <img src={thumbnailUrl(id)} alt={nameOf(id, title)} loading="lazy" draggable={false} />
          </button>
        ))}
      </div>
    </section>
  );
}
