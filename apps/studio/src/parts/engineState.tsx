/** Which engine paints, or how far it is loaded. */

import type { Report } from "../engine/protocol.ts";
import { engine } from "../state.ts";
import { sentenceOf, sentenceOfFailure } from "../texts/problems.ts";
import { t } from "../texts/texts.ts";

/** What is being loaded now; undefined where nothing is. */
function loadingNow(): Report | "engine" | undefined {
  const status = engine.status.value;
  if (status.state === "loading") return status.report ?? "engine";
  return status.state === "ready" && status.report?.stage !== "paint" ? status.report : undefined;
}

/** What is being loaded, in words; undefined where nothing is. */
export function toldOfLoading(): string | undefined {
  const now = loadingNow();
  if (now === undefined) return undefined;
  if (now === "engine") return t("engine.loading");
  if (now.stage !== "engine" && now.stage !== "model") return t("engine.prepare");
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const total = now.total === undefined ? "?" : megabytes(now.total);
  return t(`engine.${now.stage}`, { received: megabytes(now.received), total });
}

/** How far a download is; undefined where nothing is downloaded, or where that is not known. */
export function fractionOfLoading(): number | undefined {
  const now = loadingNow();
  if (now === undefined || now === "engine" || (now.stage !== "engine" && now.stage !== "model")) return undefined;
  return now.total === undefined ? undefined : Math.min(1, now.received / now.total);
}

export function EngineState() {
  const status = engine.status.value;
  const told = () => {
    if (status.state === "idle") return t("engine.idle");
    if (status.state === "failed") return t("engine.failed");
    const loading = toldOfLoading();
    if (loading !== undefined || status.state === "loading") return loading;
    return t(status.device === "webgpu" ? "engine.webgpu" : "engine.cpu");
  };
  const why =
    status.state === "ready" && status.reason
      ? t("engine.cpu.why", { reason: sentenceOfFailure(status.reason) })
      : status.state === "failed"
        ? sentenceOf(status.error)
        : t("app.promise");
  const device = status.state === "ready" ? status.device : undefined;
  return (
    <p
      class="engine"
      data-engine={"report" in status && status.report ? "loading" : status.state}
      data-device={device}
      title={why}
    >
      <span class="dot" />
      <span aria-live="polite">{told()}</span>
    </p>
  );
}
