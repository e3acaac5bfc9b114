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
