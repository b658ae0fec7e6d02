/** Starts the page. */

import { render } from "preact";
import { App } from "./app.tsx";
import { complain } from "./state.ts";
import { chooseLanguage, LANGUAGES, type Language, preferredLanguage } from "./texts/texts.ts";
import "./style.css";

const kept = localStorage.getItem("language");
const language =
  kept !== null && Object.hasOwn(LANGUAGES, kept) ? (kept as Language) : preferredLanguage(navigator.languages);
await chooseLanguage(language).catch(complain);

const root = document.getElementById("app");
if (root !== null) render(<App />, root);

// Development serves files as they change; only what was built is kept for offline use.
if (import.meta.env.PROD && "serviceWorker" in navigator)
  navigator.serviceWorker.register("sw.js").catch(() => undefined);
