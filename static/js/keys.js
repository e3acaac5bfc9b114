// Single letters, and only where nobody is typing. None of them sends an order.
import { open } from "./dialog.js";

const WAIT = 1200; // ms between g and the letter after it
let pending = 0;

const typing = (element) =>
  element.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return escape(event);
  if (event.ctrlKey && event.shiftKey && event.code === "KeyK") return stopTrading(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    open("keys");
  } else if (event.key === "g") {
    pending = Date.now() + WAIT;
    return;
  } else if (Date.now() < pending) {
    go(event.key);
  } else if (/^[1-9]$/.test(event.key)) {
    document.querySelectorAll(".rail a.tab[data-account]")[event.key - 1]?.click();
  } else if (event.key === "0") {
    document.querySelector(".rail a.tab[data-all]")?.click();
  }
  pending = 0;
});

function stopTrading(event) {
  const link = document.querySelector("[data-stops-trading]");
  if (!link) return;
  event.preventDefault();
  location.assign(link.href);
}

function go(key) {
  const place = document.querySelector(`.nav a[data-key="${CSS.escape(key)}"]`);
  if (place) location.assign(place.href);
}

// Dialogs and menus close by themselves on Esc; what is left to undo is the selection.
function escape(event) {
  if (document.querySelector("dialog[open], [popover]:popover-open") || typing(event.target)) return;
  document.dispatchEvent(new CustomEvent("clear-selection"));
}
