// Asks the device for a passkey and sends its answer with the form; prints where a page asks for it.
const can = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;

async function ask(form) {
  const at = form.dataset.optionsAt;
  const options = at
    ? await (await fetch(at, { headers: { Accept: "application/json" } })).json()
    : JSON.parse(form.dataset.options);
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey);
  return navigator.credentials.get({ publicKey });
}

for (const form of can ? document.querySelectorAll("form[data-passkey]") : []) {
  const error = form.querySelector("[data-passkey-error]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    try {
      const answer = await ask(form);
      form.elements.credential.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch {
      error.textContent = "The passkey was not used. Try again, or take another way.";
      error.hidden = false;
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
