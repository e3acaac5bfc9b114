// Dialogs are <dialog>: [data-opens=id] shows one, [data-closes] ends it.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) open(opener.dataset.opens);
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog")?.close();
  // A click on the backdrop lands on the dialog itself.
  if (event.target instanceof HTMLDialogElement && !event.target.querySelector("form")) event.target.close();
});

export function open(id) {
  const dialog = document.getElementById(id);
  document.querySelector("[popover]:popover-open")?.hidePopover();
  if (dialog && !dialog.open) dialog.showModal();
  return dialog;
}

// Ask in our own words and look; answers with a promise of yes or no.
export function ask(text, yesWords = "Go on") {
  const dialog = open("confirm");
  dialog.querySelector("[data-confirm-text]").textContent = text;
  dialog.querySelector("[data-confirmed]").textContent = yesWords;
  return new Promise((resolve) => {
    let yes = false;
    const confirmed = () => {
      yes = true;
      dialog.close();
    };
    const button = dialog.querySelector("[data-confirmed]");
    button.addEventListener("click", confirmed, { once: true });
    dialog.addEventListener(
      "close",
      () => {
        button.removeEventListener("click", confirmed);
        resolve(yes);
      },
      { once: true },
    );
  });
}

// hx-confirm, for requests of htmx.
document.addEventListener("htmx:confirm", async (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  event.preventDefault();
  if (await ask(ctx.confirm)) issueRequest();
  else dropRequest();
});

// data-confirm, for plain forms. Without JavaScript they send at once, so the server asks where it must.
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  const text = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!text || form.dataset.asked) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await ask(text, submitter?.dataset.yes))) return;
  form.dataset.asked = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.asked;
}, true);
