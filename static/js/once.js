// A plain form that was sent is not sent again by a second click: the first answer is on its way.
// Whoever comes back to the page, or waited in vain, may send it anew.
const PATIENCE = 15_000;
const sent = new WeakMap();

document.addEventListener("submit", (event) => {
  const { target: form } = event;
  if (event.defaultPrevented || form.method !== "post") return;
  if (performance.now() - (sent.get(form) ?? -Infinity) < PATIENCE) event.preventDefault();
  else sent.set(form, performance.now());
});

addEventListener("pageshow", ({ persisted }) => {
  if (persisted) for (const form of document.forms) sent.delete(form);
});
