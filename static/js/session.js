// Two minutes before an idle session ends it says so, and one press stays.
import { open } from "./dialog.js";
import { isLeaving, toLogin } from "./leaving.js";

const WARN = 120; // seconds before the end
const news = "BroadcastChannel" in window ? new BroadcastChannel("desk-session") : null;

export function startSession() {
  const seconds = Number(document.body.dataset.sessionEnds);
  if (!seconds) return;
  const dialog = document.getElementById("session-warning");
  const left = dialog.querySelector("[data-session-left]");
  let ends = 0;
  let warned = false;

  const renew = (rest) => {
    ends = Date.now() + rest * 1000;
    warned = false;
    if (dialog.open) dialog.close();
  };
  const active = (rest = seconds) => {
    renew(rest);
    news?.postMessage(rest); // the other tabs have the same session
  };

  const stay = async () => {
    const token = document.querySelector("meta[name=csrf-token]").content;
    try {
      const answer = await fetch("/me/stay/", { method: "POST", headers: { "X-CSRFToken": token } });
      if (answer.ok && !answer.redirected) active(Number(answer.headers.get("X-Session-Ends")) || seconds);
      else location.reload();
    } catch {
      left.textContent = "less than a minute: the desk does not answer";
    }
  };

  // By the wall clock, so that a laptop that slept knows how late it is.
  const clock = setInterval(() => {
    const rest = Math.ceil((ends - Date.now()) / 1000);
    if (rest <= 0) {
      if (isLeaving()) return; // a download is no leaving: the next second asks again
      clearInterval(clock);
      toLogin();
    } else if (rest <= Math.min(WARN, seconds / 2)) {
      if (!warned) open(dialog.id);
      warned = true;
      left.textContent = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
    }
  }, 1000);

  // Closing the warning by Esc is an answer too: someone is here.
  dialog.addEventListener("cancel", stay);
  dialog.querySelector("[data-stay]").addEventListener("click", stay);
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (!ctx.request.headers["X-Background"] && ctx.response.status < 400) active();
  });
  if (news) news.onmessage = ({ data }) => renew(data);
  active();
}
