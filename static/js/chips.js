// Chips follow what was sent. The socket tells their news; without it they ask, a while.
import { refreshAll } from "./panels.js";

const EVERY = 1000;
const MOST = 20;
const LOOKS = 3; // seconds between two looks for what a live socket may have lost
const STAYS = 6000;

const asked = new Map(); // how often each asked since it has no socket
const moved = new Set(); // accounts whose queue went on since the last look
const done = new Set();
const lamp = document.querySelector("[data-lamp]");
let seconds = 0;

const tell = (one) => one.dispatchEvent(new CustomEvent("task-changed"));
const isLive = () => lamp?.dataset.state === "live";
const isOpen = (one) => one.dataset.settled === undefined;

// News of one task, or of nobody knows which: its chip, its page and the lists ask.
export function tasksChanged({ task_id: id, account_id: code } = {}) {
  for (const one of document.querySelectorAll("[data-task]")) if (!id || one.dataset.task === String(id)) tell(one);
  for (const list of document.querySelectorAll("[data-tasks]")) {
    if (!code || !list.dataset.scope || list.dataset.scope === code) tell(list);
  }
  if (code) moved.add(code); // whoever waits behind it has another place
}

// News of an order: the chip and the page of the task that it came from ask.
export function ordersChanged({ order_id: id }) {
  for (const one of document.querySelectorAll(`[data-order="${CSS.escape(id)}"]`)) tell(one);
}

function look() {
  seconds += 1;
  for (const one of document.querySelectorAll("[data-task]")) {
    if (!isOpen(one)) continue;
    if (!isLive()) poll(one);
    else {
      asked.delete(one.id);
      if (seconds % LOOKS === 0 || moved.has(one.dataset.waits)) tell(one);
    }
  }
  moved.clear();
}

function poll(one) {
  const times = asked.get(one.id) ?? 0;
  if (times >= MOST) giveUp(one);
  else tell(one);
  asked.set(one.id, times + 1);
}

// Nobody tells any more: say so. The next news of any kind draws it anew.
function giveUp(one) {
  const place = one.querySelector("[data-sentence]");
  if (place.textContent === one.dataset.unknown) return;
  place.textContent = one.dataset.unknown;
  for (const marked of [one, place]) marked.classList.replace("is-info", "is-warning");
  for (const old of one.querySelectorAll(":scope > p > small, :scope > .status")) old.hidden = true;
}

// What just ended without a socket has changed the book all the same. What went well leaves by
// itself, but not under the pointer and not while it has the focus.
function settle() {
  for (const chip of document.querySelectorAll("[data-chip][data-settled]")) {
    if (done.has(chip.id)) continue;
    done.add(chip.id);
    if (!isLive()) refreshAll("orders", chip.dataset.account);
    if (chip.dataset.settled === "success") leave(chip.id);
  }
}

function leave(id) {
  const go = () => {
    const here = document.getElementById(id);
    if (here?.matches(":hover, :focus-within")) setTimeout(go, STAYS);
    else here?.remove();
  };
  setTimeout(go, STAYS);
}

document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss-chip]")?.closest("[data-chip]")?.remove();
});

document.addEventListener("htmx:after:swap", settle);
if (lamp) setInterval(look, EVERY);
