/** Starts the page. */

import { render } from "preact";
import { App } from "./app.tsx";
import { complain, engine, openLinked, PICTURE_MODEL } from "./state.ts";
import { chooseLanguage, LANGUAGES, type Language, preferredLanguage } from "./texts/texts.ts";
// In this order: later rules outweigh earlier ones.
import "./styles/base.css";
import "./styles/page.css";
import "./styles/fields.css";
import "./styles/paintings.css";
import "./styles/stage.css";
import "./styles/pad.css";
import "./styles/dialogs.css";
import "./styles/narrow.css";
import "./styles/phone.css";
import "./styles/landscape.css";

const kept = localStorage.getItem("language");
const language =
  kept !== null && Object.hasOwn(LANGUAGES, kept) ? (kept as Language) : preferredLanguage(navigator.languages);
await chooseLanguage(language).catch(complain);
openLinked();

const root = document.getElementById("app");
if (root !== null) render(<App />, root);

/** Loads engine and model while nothing else is to be done, unless the user spares data. */
function prepare(): void {
  const { connection } = navigator as { connection?: { readonly saveData?: boolean } };
  if (connection?.saveData) return;
  // What fails here is tried again, and told, when something is painted.
  engine.ask("prepare", { model: PICTURE_MODEL }, []).catch(() => undefined);
}

/** Keeps the page for use without a network; development serves files as they change. */
function keep(): void {
  if (import.meta.env.PROD && "serviceWorker" in navigator)
    navigator.serviceWorker.register("sw.js").catch(() => undefined);
}

// Safari has no idle callbacks.
const whenIdle = globalThis.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 1500));
for (const act of [prepare, keep]) {
  if (document.readyState === "complete") whenIdle(act);
  else addEventListener("load", () => whenIdle(act), { once: true });
}
