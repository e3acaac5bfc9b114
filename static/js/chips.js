// Chips follow what was sent. The socket tells their news; without it they ask, a while.
const EVERY = 1000;
const MOST = 20;
const STAYS = 6000;

const asked = new Map();
const leaving = new Set();
const lamp = document.querySelector("[data-lamp]");

const tell = (one) => one.dispatchEvent(new CustomEvent("task-changed"));

// News of one task, or of nobody knows which: its chip, its page and the lists ask.
export function tasksChanged({ task_id: id, account_id: code } = {}) {
  for (const one of document.querySelectorAll("[data-task]")) if (!id || one.dataset.task === String(id)) tell(one);
  for (const list of document.querySelectorAll("[data-tasks]")) {
    if (!code || !list.dataset.scope || list.dataset.scope === code) tell(list);
  }
}

const isOpen = (one) => one.dataset.settled === undefined;

function look() {
  for (const one of document.querySelectorAll("[data-task]")) {
    const times = asked.get(one.id) ?? 0;
    if (!isOpen(one) || times >= MOST) continue;
    asked.set(one.id, times + 1);
    // A live socket tells by itself; a look now and then finds what it lost.
    if (lamp?.dataset.state !== "live" || times % 3 === 2) tell(one);
  }
}

// What went well leaves by itself, but not under the pointer and not while it has the focus.
function leave() {
  for (const chip of document.querySelectorAll("[data-chip][data-settled=success]")) {
    if (leaving.has(chip.id)) continue;
    leaving.add(chip.id);
    const go = () => {
      const here = document.getElementById(chip.id);
      if (here?.matches(":hover, :focus-within")) setTimeout(go, STAYS);
      else here?.remove();
    };
    setTimeout(go, STAYS);
  }
}

document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss-chip]")?.closest("[data-chip]")?.remove();
});

document.addEventListener("htmx:after:swap", leave);
if (lamp) setInterval(look, EVERY);
