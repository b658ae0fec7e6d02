/** Dark or light: as the system has it, until the user chooses. */

import { effect, signal } from "@preact/signals";

type Theme = "dark" | "light";

const system = matchMedia("(prefers-color-scheme: dark)");
const systems = (): Theme => (system.matches ? "dark" : "light");
const chosen = localStorage.getItem("theme");

export const theme = signal<Theme>(chosen === "dark" || chosen === "light" ? chosen : systems());

system.addEventListener("change", () => {
  if (localStorage.getItem("theme") === null) theme.value = systems();
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function toggleTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme.value);
}
