// Short news in the corner. The server says them with the event `toast`, modules with toast().
const STAYS = { success: 5000, info: 5000, warning: 12000, error: Infinity };
const MOST = 3;
const ICONS = { success: "circle-check", warning: "triangle-alert", error: "octagon-alert", info: "info" };

const corner = document.querySelector("[data-toasts]");
const mouth = document.querySelector("[data-alert]");

export function toast(level, text) {
  const box = document.querySelector("[data-toast-template]").content.firstElementChild.cloneNode(true);
  box.className = `toast is-${level}`;
  box.dataset.toast = level;
  box.querySelector("p").textContent = text;
  const use = box.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${ICONS[level] ?? "info"}`));
  if (level === "error") mouth.textContent = text;
  corner.append(box);
  watch(box);
  fold();
}

// It leaves by itself, but not under the pointer and not while it has the focus.
function watch(box) {
  const stays = STAYS[box.dataset.toast] ?? STAYS.info;
  if (!Number.isFinite(stays)) return;
  let timer;
  const start = () => {
    timer = setTimeout(() => remove(box), stays);
  };
  const pause = () => clearTimeout(timer);
  box.addEventListener("pointerenter", pause);
  box.addEventListener("focusin", pause);
  box.addEventListener("pointerleave", start);
  box.addEventListener("focusout", start);
  start();
}

function remove(box) {
  box.remove();
  fold();
}

// Three are shown; the rest wait, counted.
function fold() {
  const boxes = [...corner.querySelectorAll("[data-toast]")];
  boxes.forEach((box, place) => {
    box.hidden = place >= MOST;
  });
  corner.querySelector("[data-more]")?.remove();
  if (boxes.length > MOST) {
    const more = document.createElement("p");
    more.className = "toast";
    more.dataset.more = "";
    more.textContent = `${boxes.length - MOST} more`;
    corner.append(more);
  }
}

document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-dismiss]")?.closest("[data-toast]");
  if (box && corner.contains(box)) remove(box);
});

// HX-Trigger: {"toast": {"level": "success", "text": "Saved."}}
document.addEventListener("toast", ({ detail }) => toast(detail.level ?? "info", detail.text));

corner.querySelectorAll("[data-toast]").forEach(watch);
fold();
