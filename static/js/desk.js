// The entry: what holds for every request of htmx, and the start of the other modules.
import "./theme.js";
import "./dialog.js";
import "./once.js";
import "./keys.js";
import "./rows.js";
import "./clock.js";
import "./countdown.js";
import "./panels.js";
import "./sheet.js";
import "./ticket.js";
import "./chips.js";
import { isLeaving, toLogin } from "./leaving.js";
import { toast } from "./toast.js";
import { startSession } from "./session.js";
import { startSocket } from "./socket.js";

export const csrfToken = () => document.querySelector("meta[name=csrf-token]")?.content ?? "";

// Events that nobody caused by hand: their requests must not keep a session alive.
const BACKGROUND = new Set(["every", "load", "revealed", "intersect", "panel-changed", "account-changed", "task-changed", "stops-changed"]);

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { request, sourceEvent } = ctx;
  if (request.method !== "GET") request.headers["X-CSRFToken"] = csrfToken();
  if (BACKGROUND.has(sourceEvent?.type)) request.headers["X-Background"] = "1";
});

// Where the session is over, the answer is the log-in page: a page to go to, not one to put in a panel.
document.addEventListener("htmx:before:response", (event) => {
  const { request, response } = event.detail.ctx;
  const isOver = response.raw.redirected && new URL(response.raw.url).pathname === "/login/";
  const sendsAway = isOver || response.headers.has("HX-Redirect");
  if (isOver || (sendsAway && isLeaving() && request.headers["X-Background"])) event.preventDefault();
  if (isOver) toLogin();
});

// 422 is a form with its mistakes and is swapped. Any other refusal is a whole page of its own,
// which has no place in a panel: keep what stands there and say it in a toast.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  const { status, headers } = ctx.response;
  if (status === 422 || ctx.sourceElement.closest("[hx-status]")) return;
  ctx.swap = "none";
  const number = headers.get("X-Request-ID");
  toast("error", words(status) + (number && status >= 500 ? ` Number of this request: ${number}.` : ""));
});

function words(status) {
  if (status === 403) return "This is not open to you, or the page is too old. Reload it and try again.";
  if (status === 404) return "This is no longer here. Reload the page.";
  if (status === 429) return "Too many tries. Wait five minutes, then try again.";
  if (status === 503) return "The desk is not ready. Try again in a few seconds.";
  return "Something broke on our side. What you see may be old.";
}

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx?.request?.headers["X-Background"]) return; // the lamp already says that the line is down
  toast("error", "The desk did not answer. Nothing here tells whether it heard you: look before you try again.");
});

// The answer with mistakes puts its summary under the reader's eyes; news of a panel leave the focus.
document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (detail?.ctx?.request?.headers["X-Background"]) return;
  document.querySelector("[data-summary]:not([data-seen])")?.focus();
  for (const seen of document.querySelectorAll("[data-summary]")) seen.dataset.seen = "";
});

startSession();
if (document.querySelector("[data-lamp]")) startSocket();
