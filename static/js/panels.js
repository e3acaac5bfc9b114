// Live panels: they ask with the name of what they show, and a panel that looks the same only ages.
const time = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Kolkata", timeStyle: "medium" });

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const panel = ctx.sourceElement.closest("[data-etag]");
  if (panel === ctx.sourceElement) ctx.request.headers["If-None-Match"] = `"${panel.dataset.etag}"`;
});

document.addEventListener("htmx:before:response", ({ detail: { ctx } }) => {
  const { raw } = ctx.response;
  if (raw.status !== 304) return;
  const age = raw.headers.get("X-As-Of");
  const place = ctx.sourceElement.querySelector("[data-as-of]");
  if (!age || !place) return;
  place.dateTime = age;
  place.textContent = time.format(new Date(age));
});

// A panel says hx-get="…" hx-trigger="panel-changed delay:100ms": many events, one request.
export const refresh = (panel) => panel.dispatchEvent(new CustomEvent("panel-changed"));

// Let every panel ask that shows this part of this account; one of all accounts has an empty scope.
export function refreshAll(part, code) {
  for (const panel of document.querySelectorAll(`[data-parts~="${CSS.escape(part)}"]`)) {
    if (!panel.dataset.scope || panel.dataset.scope === code) refresh(panel);
  }
}
