// The forms of the menu work by themselves; this spares the reload.
const ROOTS = { theme: "theme", density: "density" };

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-appearance]");
  const name = event.submitter?.name;
  if (!form || !(name in ROOTS)) return;
  event.preventDefault();
  const value = event.submitter.value;
  const before = document.documentElement.dataset[name];
  show(name, value);
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) show(name, before ?? "system");
  } catch {
    show(name, before ?? "system");
  }
});

function show(name, value) {
  const root = document.documentElement;
  if (value === "system") delete root.dataset[name];
  else root.dataset[name] = value;
  for (const button of document.querySelectorAll(`form[data-appearance] button[name=${name}]`)) {
    button.setAttribute("aria-pressed", String(button.value === value));
  }
}
