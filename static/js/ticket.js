// The ticket: what its type does not use is switched off, and keys step through it. The server judges.
const SWITCHES = ["order_type", "kind", "validity", "variety"];

function settle(form) {
  const words = SWITCHES.map((name) => form.elements[name]?.value);
  const side = form.elements.side?.value;
  for (const field of form.querySelectorAll("[data-for]:not([data-for=''])")) {
    const isUsed = field.dataset.for.split(" ").some((word) => words.includes(word));
    field.querySelector("input").disabled = !isUsed;
    field.classList.toggle("is-unused", !isUsed);
  }
  const sells = side === "SELL";
  if (side) form.closest(".ticket").classList.toggle("is-sell", sells); // a change keeps its side
  const word = form.querySelector("[data-side-word]");
  const said = sells ? "Sell" : "Buy";
  if (word && word.textContent !== said) word.textContent = said;
  for (const input of form.querySelectorAll("input[aria-describedby^=about-]")) mark(form, input);
}

// A message beside a field is what makes it wrong.
function mark(form, input) {
  const about = form.querySelector(`#${CSS.escape(input.getAttribute("aria-describedby"))}`);
  if (about?.querySelector("li")) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// The age of a price goes on until a newer one comes, also when none can come.
const seen = new WeakMap();
const OLD = 5; // seconds; then it judges no order any more

function age(place) {
  const { at } = place.dataset;
  const known = seen.get(place);
  const since = known?.at === at ? known.since : performance.now() - 1000 * Number(place.dataset.age);
  seen.set(place, { at, since });
  const seconds = Math.floor((performance.now() - since) / 1000);
  place.textContent = seconds < 120 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
  place.classList.toggle("is-old", seconds > OLD);
}

setInterval(() => document.querySelectorAll("[data-age]").forEach(age), 1000);

const settleAll = () => document.querySelectorAll("form[data-ticket]").forEach(settle);

document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("form[data-ticket]");
  if (form) settle(form);
});

// Enter goes to the next field; Ctrl+Enter sends. No single key ever does.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-ticket]");
  if (!form || event.key !== "Enter") return;
  const send = form.querySelector("[data-send]");
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    if (!send.disabled) form.requestSubmit(send);
  } else if (event.target.matches("input, select")) {
    event.preventDefault();
    const stops = [...form.querySelectorAll("input:not([type=hidden]), select, [data-send]")];
    const open = stops.filter((one) => !one.disabled && one.offsetParent && (one.type !== "radio" || one.checked));
    open[open.indexOf(event.target) + 1]?.focus();
  }
});

// Of a ticket that is filled in: the first field that is still empty, else the quantity.
export function focusFirst(place) {
  const fields = [...place.querySelectorAll("#id_instrument, #id_quantity, #id_price")];
  (fields.find((one) => !one.value && !one.disabled) ?? fields[1] ?? place.querySelector("[data-send]"))?.focus();
}

const ticketOf = () => document.querySelector(".ticket:has(form[data-ticket])");
let known = ticketOf();

document.addEventListener("htmx:after:swap", () => {
  settleAll();
  // The button that was pressed went with the old ticket; the focus goes on, not to the page's top.
  // What comes by itself, a quote or a panel behind the sheet, leaves the ticket that stands and its focus.
  const ticket = ticketOf();
  if (ticket && ticket !== known && document.activeElement === document.body) focusFirst(ticket);
  known = ticket;
});
settleAll();
